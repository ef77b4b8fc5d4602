"""A space as a picture: a table for a terminal and one for a notebook."""

from __future__ import annotations

import shutil
import textwrap
from html import escape
from typing import TYPE_CHECKING

from multiverse.space.condition import When
from multiverse.space.counted import counted, number_text
from multiverse.space.decision import Decision
from multiverse.space.mistaken_rule import arguments
from multiverse.space.part import numbered
from multiverse.space.rules import Forbid, Link, OptionRule, Rule

if TYPE_CHECKING:
    from multiverse.space.space import Space

WIDTH = 100  # characters, where there is no terminal to ask
LEAST = 24  # characters that are left for options, however narrow the terminal
SHOWN = 12  # options of one decision in a notebook
RULES_SHOWN = 24  # rules; more are counted
MARK = "*"  # behind the label of the reference
LEFT = 'style="text-align:left"'  # notebooks align cells to the right


def text(space: Space, width: int | None = None) -> str:
    """The space as lines: universes, decisions with their options, rules, then remarks and mistakes.

    width: characters a line; the terminal's where None.  Options that do not fit are counted, the reference is kept.
    """
    width = width or shutil.get_terminal_size((WIDTH, 24)).columns
    names = [str(name) for name in space.decisions]
    decisions = list(space.decisions.values())
    first = max(map(len, names), default=0)
    second = max((len(decision.kind) for decision in decisions), default=0)
    room = max(LEAST, width - first - second - 6)
    lines = [_headline(space)]
    for name, decision in zip(names, decisions, strict=True):
        lines.append(f"  {name:{first}}  {decision.kind:{second}}  {_fitted(decision, room)}")
    if names:
        lines.append(f"  {'':{first}}  {'':{second}}  {MARK} reference")
    for word, what in (*_said(space), *(("note", note) for note in space.notes)):
        line = f"{word}: {what}"
        lines += textwrap.wrap(line, max(width, LEAST), initial_indent="  ", subsequent_indent="    ")
    lines += [textwrap.indent(f"mistake: {problem}", "  ") for problem in space.check()]
    return "\n".join(lines)


def html(space: Space) -> str:
    """The space as one table with its rules below, for a notebook; everything that a user wrote is escaped."""
    head = "".join(f"<th {LEFT}>{title}</th>" for title in ("decision", "kind", "options (reference in bold)"))
    body = "".join(
        f"<tr><th {LEFT}>{escape(str(name))}</th><td {LEFT}>{escape(decision.kind)}</td>"
        f"<td {LEFT}>{_options_html(decision)}</td></tr>"
        for name, decision in space.decisions.items()
    )
    said = [*_said(space), *(("note", note) for note in space.notes)]
    said += [("mistake", str(problem)) for problem in space.check()]
    below = "".join(f"<li><i>{word}</i>: {_lines_html(what)}</li>" for word, what in said)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div><p>{escape(_headline(space))}</p>{table}{f'<ul>{below}</ul>' if below else ''}</div>"


def _headline(space: Space) -> str:
    mistakes = len(space.check())
    if mistakes:
        return f"Space of {counted(len(space.decisions), 'decision')} with {counted(mistakes, 'mistake')}"
    size, combinations = counted(space.size, "universe"), counted(space.combinations, "combination")
    parts = space.parts
    if len(parts) > 1:
        return f"Space of {size}, the union of {len(parts)} spaces" + (
            f", which share {number_text(space.shared)}" if space.shared else ""
        )
    return f"Space of {size}" + (f" out of {combinations}" if parts[0].rules else "")


def _said(space: Space) -> list[tuple[str, str]]:
    """Each rule as a word and what follows it; of a union also where it holds, if that is not everywhere."""
    rules, held_by = numbered([part.rules for part in space.parts])
    told = []
    if len(held_by) > 1 and not space.check():
        for number, one in enumerate(space._examined.parts[:RULES_SHOWN], 1):
            names = ", ".join(one.part.decisions) or "no decision"
            told.append((f"space {number}", f"{counted(one.diagram.size, 'universe')} of {names}"))
    for number, rule in enumerate(rules[:RULES_SHOWN]):
        inside = [str(place) for place, numbers in enumerate(held_by, 1) if number in numbers]
        where = "" if len(inside) == len(held_by) else f" (in space {' and '.join(inside)} of the union)"
        word, what = _rule(rule, space)
        told.append((word, what + where))
    if len(rules) > RULES_SHOWN:
        told.append(("and", counted(len(rules) - RULES_SHOWN, "more rule")))
    return told


def _rule(rule: Rule, space: Space) -> tuple[str, str]:
    if isinstance(rule, Forbid):
        return "not", str(rule.why)
    if isinstance(rule, Link):
        return "link", rule.why
    if isinstance(rule, OptionRule):
        return "option", rule.why
    if isinstance(rule.rule, When):
        return "only when", f"{rule.decision}, where {rule.rule}"
    asked, wrong = arguments(rule, space.decisions)
    asks = "by a rule that cannot be asked" if wrong else f"by a rule on {' and '.join(asked.names)}"
    return "only when", f"{rule.decision}, {asks}"


def _kept(total: int, reference: int, shown: int) -> list[int]:
    """The places of the options that are shown: the first ones, and always the reference."""
    if reference < shown:
        return list(range(min(shown, total)))
    return [*range(shown - 1), reference]


def _fitted(decision: Decision, room: int) -> str:
    """The labels in one line, the reference marked; where they do not fit, how many are left out."""
    reference = decision.labels.index(decision.reference)
    labels = [" ".join(label.split()) + MARK * (place == reference) for place, label in enumerate(decision.labels)]
    whole = ", ".join(labels)
    if len(whole) <= room:
        return whole
    for shown in range(min(len(labels) - 1, room // 3), 0, -1):  # a label and its comma take 3 characters or more
        kept = [labels[place] for place in _kept(len(labels), reference, shown)]
        line = f"{', '.join(kept)}, … {len(labels) - shown} more"
        if len(line) <= room:
            return line
    rest = f", … {len(labels) - 1} more" if len(labels) > 1 else ""
    return f"{labels[reference][: max(1, room - len(rest) - 2)]}…{MARK}{rest}"


def _options_html(decision: Decision) -> str:
    reference = decision.labels.index(decision.reference)
    kept = _kept(len(decision.labels), reference, SHOWN)
    cells = []
    for place in kept:
        option = decision.options[place]
        why = f' title="{escape(option.why)}"' if option.why else ""
        tag = "b" if place == reference else "span"
        cells.append(f"<{tag}{why}>{escape(option.label)}</{tag}>")
    if left := len(decision.labels) - len(kept):
        cells.append(f"… {left} more")
    return ", ".join(cells)


def _lines_html(what: str) -> str:
    return escape(what).replace("\n", "<br>")
