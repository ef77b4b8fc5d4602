"""How a lint looks in a terminal and in a notebook."""

from __future__ import annotations

import html
import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiverse.linting.lint import Lint

CODE = re.compile(r"`[^`]*`")
GLUE = "\0"  # stands for a space that ends no line
WIDTH = 100  # characters a line
LEFT = "style='text-align:left'"  # notebooks align cells to the right


def lint_text(lint: Lint) -> str:
    """A lint as lines: how many findings, each with its universes and its mend, and what was checked."""
    lines = [headline(lint)]
    for number, found in enumerate(lint.findings, 1):
        lines += _wrapped(f"{number}. {found.what}", "  ", "     ")
        lines += _wrapped(f"universes: {found.named}", "     ", "       ") if found.named else []
        lines += _wrapped(f"mend: {found.mend}", "     ", "       ")
    for note in _notes(lint):
        lines += _wrapped(note, "  ", "    ")
    return "\n".join(lines)


def lint_html(lint: Lint) -> str:
    """A lint as a table, for a notebook; everything that a user wrote is escaped."""
    head = "".join(f"<th {LEFT}>{title}</th>" for title in ("what", "universes", "mend"))
    body = "".join(
        "<tr>" + "".join(f"<td {LEFT}>{html.escape(cell)}</td>" for cell in (f.what, f.named, f.mend)) + "</tr>"
        for f in lint.findings
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if lint.findings else ""
    below = "".join(f"<div>{html.escape(note)}</div>" for note in _notes(lint))
    return f"<div><b>{html.escape(headline(lint))}</b>{table}{below}</div>"


def remark(lint: Lint, command: str) -> str:
    """One line for those who run without having looked; empty where nothing was found. command: what shows it all."""
    if not lint.findings:
        return ""
    return f"{headline(lint)}. To see {'it' if len(lint) == 1 else 'them'}: {command}"


def headline(lint: Lint) -> str:
    """One line: how many findings, and how many universes they concern."""
    size = f"{lint.universes:,} universe{'' if lint.universes == 1 else 's'}"
    if not lint.findings:
        return f"Lint of {lint.study!r}: nothing found in {size}"
    concerned = len({key for found in lint.findings for key in found.universes})
    count = f"{len(lint.findings):,} finding{'' if len(lint.findings) == 1 else 's'}"
    return f"Lint of {lint.study!r}: {count}, on {concerned:,} of {size}"


def _notes(lint: Lint) -> list[str]:
    checked = f"checked: {', '.join(lint.checked)}" if lint.checked else ""
    not_made = [f"not checked: {name}, since it raised {why}" for name, why in lint.not_made.items()]
    return [note for note in (checked, *not_made) if note]


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    """The text as lines; code in backticks stays whole, to be pasted."""
    whole = CODE.sub(lambda code: code[0].replace(" ", GLUE), text)
    lines = textwrap.wrap(
        whole, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(GLUE, " ") for line in lines]
