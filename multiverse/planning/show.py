"""How a plan looks in a terminal and in a notebook: universes, programs and why they differ, rows, seconds."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from multiverse.planning.duration import duration
from multiverse.planning.leaf_path import spoken
from multiverse.planning.program import Program
from multiverse.planning.show_forecast import forecast_html
from multiverse.space.counted import counted

if TYPE_CHECKING:
    from multiverse.planning.plan import Plan

PROGRAMS_SHOWN = 12


def plan_text(plan: Plan) -> str:
    """A plan as lines of text."""
    lines = [headline(plan)]
    rows = list(_rows(plan))
    width = [max(len(row[i]) for row in rows) for i in range(4)]
    lines += ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in rows]
    if len(plan.programs) > PROGRAMS_SHOWN:
        lines.append(f"  ... and {len(plan.programs) - PROGRAMS_SHOWN} more programs")
    lines += [f"  note: {note}" for note in plan.notes]
    return "\n".join(lines)


def plan_html(plan: Plan) -> str:
    """A plan as a small table."""
    head, *rows = list(_rows(plan))
    cells = "".join(f"<th style='text-align:left'>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    more = len(plan.programs) - PROGRAMS_SHOWN
    notes = [f"... and {more} more programs"] if more > 0 else []
    notes += [f"note: {note}" for note in plan.notes]
    below = "".join(f"<br>{html.escape(note)}" for note in notes)
    cost = "" if plan.forecast is None else f"<br>{forecast_html(plan.forecast)}"
    return f"<b>{html.escape(headline(plan))}</b><table><tr>{cells}</tr>{body}</table>{below}{cost}"


def headline(plan: Plan) -> str:
    """One line: how many universes, programs and data sets, and about how long."""
    datasets = {number for program in plan.programs for number in program.original}
    text = (
        f"Plan of {plan.study.name!r}: {part_of(plan)}{duplicates(plan)} in "
        f"{counted(len(plan.programs), 'program')}, {counted(len(datasets), 'prepared data set')}"
    )
    if len(plan.todo) < len(plan):
        text += f"; {len(plan) - len(plan.todo)} already answered"
    if plan.forecast is not None:
        text += f"; about {duration(plan.forecast.seconds)} on {counted(plan.forecast.workers, 'worker')}"
    return text


def part_of(plan: Plan) -> str:
    """`36 universes`; of a part of a space also how many there are, and how these were taken."""
    if plan.selection is None:
        return counted(len(plan), "universe")
    return f"{len(plan):,} of {counted(plan.selection.of, 'universe')} ({plan.selection.said})"


def duplicates(plan: Plan) -> str:
    """`, of which 432 are exact duplicates of others and not run again,`; empty where there are none."""
    if not plan.twins:
        return ""
    many = len(plan.twins) > 1
    alike = f"{len(plan.twins):,} are exact duplicates of others" if many else "1 is an exact duplicate of another"
    return f", of which {alike} and not run again,"


def _rows(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    yield "universes", "rows", "latents", "program"
    for program in plan.programs[:PROGRAMS_SHOWN]:
        yield str(len(program.members)), _rows_kept(program), _latents(program), why(plan, program)


def _latents(program: Program) -> str:
    return str(program.sites.dimension) if program.sites.latents else "-"


def why(plan: Plan, program: Program) -> str:
    """How a program differs from the others of its plan: its structural options, or the shape of its data."""
    alike = [p for p in plan.programs if p.why == program.why]
    shapes = [{path: a.shape for path, a in next(iter(p.datasets.values())).items()} for p in (program, *alike)]
    other = next((path for path in sorted(shapes[0]) if len({s.get(path) for s in shapes}) > 1), None)
    if program.kind == "plain":
        return program.why
    parts = [program.why, f"{spoken(other)} of shape {shapes[0][other]}" if other is not None else ""]
    return "; ".join(filter(None, parts)) or ("(only one)" if len(plan.programs) == 1 else "(all others)")


def _rows_kept(program: Program) -> str:
    kept = {member.rows_kept for member in program.members.values()}
    low, high = min(kept), max(kept)
    text = str(low) if low == high else f"{low} to {high}"
    return f"{text} of {program.padding.length}" if program.padding else text
