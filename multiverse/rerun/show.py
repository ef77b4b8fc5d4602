"""How a rerun shows itself: everything there is to know of one universe, as text and in a notebook."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from multiverse.aggregate.printing import Printed, number
from multiverse.engines.outcome import Outcome
from multiverse.rerun.data_card import first_rows

if TYPE_CHECKING:
    from multiverse.rerun.rerun import Rerun

WIDTH = 96  # of a line of prose, without its margin
STATISTICS = ("mean", "sd", "median", "q2_5", "q97_5", "mcse_mean", "ess")  # of those that there are


def rerun_text(rerun: Rerun) -> str:
    """The sections below each other, then the traceback if there is one."""
    traceback = rerun.outcome.traceback.rstrip()
    return "\n".join([*(section.text() for section in sections(rerun)), *([traceback] if traceback else [])])


def rerun_html(rerun: Rerun) -> str:
    """The same for a notebook."""
    traceback = rerun.outcome.traceback.rstrip()
    return "".join(section.html() for section in sections(rerun)) + (
        f"<pre>{html.escape(traceback)}</pre>" * bool(traceback)
    )


def sections(rerun: Rerun) -> Iterator[Printed]:
    """Options, prepared data, program and settings, outcome, diagnostics, and whether it is the same."""
    yield _options(rerun)
    if rerun.data:
        yield from _data(rerun)
    yield _setup(rerun)
    yield _outcome(rerun)
    if rerun.outcome.diagnostics or rerun.stored.diagnostics:
        yield _diagnostics(rerun)
    yield _verdict(rerun)


def _options(rerun: Rerun) -> Printed:
    universe = rerun.universe
    decisions = rerun.plan.header.decisions
    first, second = (max((len(d[at]) for d in decisions), default=0) for at in (0, 1))
    notes = []
    for name, kind, options in decisions:
        label = universe.labels[name]
        option = next((option for option in options if option.label == label), None)
        said = "(does not apply)" if label is None else f"{label}*" if option and option.reference else label
        value = f" = {rerun.values[name]}" if label is not None and name in rerun.values else ""
        notes.append(f"{name:{first}}  {kind:{second}}  {said}{value}")
        if option and option.why:
            notes += _wrapped(option.why, " " * (first + 2))
    notes.append("* the reference option")
    who = ", the reference universe" if universe.reference else ""
    return Printed(f"Universe {universe.key}{who}, of run {rerun.run!r}", (), (), tuple(notes))


def _data(rerun: Rerun) -> Iterator[Printed]:
    rows = [
        (
            a.name,
            a.dtype,
            " x ".join(map(str, a.shape)) or "one number",
            *(_number(n) for n in (a.least, a.mean, a.most)),
        )
        for a in rerun.data
    ]
    yield Printed("Prepared data", ("array", "dtype", "shape", "least", "mean", "most"), tuple(rows))
    if first := first_rows(list(rerun.data)):
        names = tuple(a.name for a in rerun.data)
        yield Printed("First rows", names, tuple(tuple(_number(value) for value in row) for row in first))


def _setup(rerun: Rerun) -> Printed:
    setup = rerun.setup
    notes = [f"study: {setup.study}"]
    if rerun.same_as:
        notes += _wrapped(
            f"shared: the store has it as an exact duplicate of {rerun.same_as}, which was run. Answered here with its "
            "own data and options, and the random numbers of that one."
        )
    if setup.program:
        notes += _wrapped(f"program: {setup.program}" + (f" ({setup.why})" if setup.why else ""))
        notes.append(f"block: {setup.block} universes")
    notes += _wrapped(f"engine: {setup.engine}, {', '.join(f'{n}={v}' for n, v in _flat(setup.settings))}")
    if setup.words:
        attempt, whose = rerun.outcome.attempt, "that key" if rerun.same_as else "key"
        notes.append(f"random words: {setup.words[0]}, {setup.words[1]} (of seed, {whose} and attempt {attempt})")
    return Printed("How it was answered", (), (), tuple(notes))


def _outcome(rerun: Rerun) -> Printed:
    outcomes = {"stored": rerun.stored, "now": rerun.outcome}
    known = [s for s in STATISTICS if any(s in e for o in outcomes.values() for e in o.estimates.values())]
    rows = [
        (f"{name}, {when}", *(_number(numbers.get(s)) for s in known))
        for name in rerun.outcome.estimates
        for when, outcome in outcomes.items()
        if (numbers := outcome.estimates.get(name)) is not None
    ]
    outcome = rerun.outcome
    notes = [line for note in (outcome.message, outcome.reason.value) for line in _wrapped(note)]
    return Printed(f"Outcome: {_color(outcome)}, attempt {outcome.attempt}", ("", *known), tuple(rows), tuple(notes))


def _diagnostics(rerun: Rerun) -> Printed:
    then, now = rerun.stored.diagnostics, rerun.outcome.diagnostics
    names = [name for name in dict.fromkeys([*then, *now]) if _number(now.get(name, then.get(name))) != "-"]
    rows = tuple((name, _number(then.get(name)), _number(now.get(name))) for name in names)
    return Printed("Diagnostics", ("", "stored", "now"), rows)


def _verdict(rerun: Rerun) -> Printed:
    if rerun.same:
        drawn = "The draws are" if rerun.stored.draws else "The outcome is"
        return Printed(f"{drawn} the same as in the store, to the last bit.", (), ())
    notes = list(rerun.comparison.changed)
    if worst := rerun.comparison.worst:
        notes.append(
            f"furthest apart: {worst.statistic} of {worst.quantity}, {number(worst.then)} then and "
            f"{number(worst.now)} now, {number(worst.distance)} Monte Carlo errors"
        )
    notes += [f"computed elsewhere: {what}" for what in rerun.elsewhere]
    return Printed("It is not the same as in the store.", (), (), tuple(notes))


def _color(outcome: Outcome) -> str:
    return "green" if outcome.ok else f"red ({outcome.reason.name})"


def _wrapped(text: str, margin: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=margin, subsequent_indent=margin + "  ", break_on_hyphens=False)


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", v) for inner, v in _flat(value))
        elif isinstance(value, list | tuple) and all(isinstance(part, Mapping) for part in value):
            yield name, tuple(part.get("name", part) for part in value)
        else:
            yield name, value


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return str(value) if isinstance(value, int) else number(value)
