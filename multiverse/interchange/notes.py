"""What a format has no words for, as TOML in comments of the file: other programs pass over it, we read it back.

Every line begins with `#:`, the first is `#: multiverse = 1`.  YAML and TOML both take these lines for comments.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multiverse.errors import Problem, near_miss
from multiverse.interchange.plain import entry, key

MARK = "#:"
VERSION = 1  # of these notes; a reader refuses those of a later one
HEAD = f"{MARK} multiverse = {VERSION}"

DECISION = ("kind", "written", "reference", "rationale", "options")
OPTION = ("written", "value", "type", "bind", "why", "plausibility", "requires", "incompatible_with")


@dataclass(frozen=True)
class Notes:
    """decisions: name -> what is noted of it, its options by label.  rules: in order; None where there are no notes."""

    decisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] | None = None

    def of(self, name: str) -> Mapping[str, Any]:
        """What is noted of a decision; nothing if nothing is."""
        return self.decisions.get(name, {})

    def options(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """Label -> what is noted of the option."""
        options: Mapping[str, Mapping[str, Any]] = self.of(name).get("options", {})
        return options


def write(notes: Notes) -> str:
    """The notes as lines of comments."""
    lines = [f"multiverse = {VERSION}"]
    for name, noted in notes.decisions.items():
        own = [entry(word, noted[word]) for word in DECISION if word in noted and word != "options"]
        lines += ["", *([f"[decisions.{key(name)}]", *own] if own else [])]
        options = {label: told for label, told in noted.get("options", {}).items() if told}
        if options:
            lines += [f"[decisions.{key(name)}.options]", *(entry(label, told) for label, told in options.items())]
    for rule in notes.rules or ():
        lines += ["", "[[rules]]", *(entry(word, told) for word, told in rule.items())]
    whole = "\n".join(lines).split("\n")
    return "".join(f"{MARK} {line}".rstrip() + "\n" for line in whole)


def read(text: str, problems: list[Problem], file: str) -> Notes:
    """The notes in the text of a file; its mistakes go to `problems`, with the line in the file."""
    lines = [line.strip() for line in text.split("\n")]
    start = next((i for i, line in enumerate(lines) if line.replace(" ", "").startswith(f"{MARK}multiverse=")), None)
    if start is None:
        return Notes()
    kept = [line[len(MARK) :] if line.startswith(MARK) and i >= start else "" for i, line in enumerate(lines)]
    mend = f"Mend the line, or remove all lines that begin with `{MARK}`: the rest of the file is read without them."
    try:
        found = tomllib.loads("\n".join(kept))
    except tomllib.TOMLDecodeError as error:
        problems.append(
            Problem(f"{file}: the notes behind `{MARK}` are not TOML: {error}.", "notes as they were written", mend)
        )
        return Notes()
    if found.get("multiverse") != VERSION:
        problems.append(
            Problem(
                f"{file}, line {start + 1}: these notes are of version {found.get('multiverse')!r}.",
                f"`{HEAD}`",
                "Install a newer multiverse, or write the file again with this one.",
            )
        )
        return Notes()
    return _checked(found, problems, file, mend)


def _checked(found: Mapping[str, Any], problems: list[Problem], file: str, mend: str) -> Notes:
    """The notes that have the shape which `write` gives them; the others are mistakes."""

    def table(told: Any, where: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
        if not isinstance(told, dict):
            problems.append(Problem(f"{file}: `{where}` behind `{MARK}` is {told!r}.", "a table", mend))
            return {}
        for word in told:
            if known is not None and word not in known:
                problems.append(
                    Problem(
                        f"{file}: `{where}` behind `{MARK}` has {word!r}, which is no note.",
                        f"one of: {', '.join(known)}",
                        f"{near_miss(word, known)}{mend}",
                    )
                )
        return {word: value for word, value in told.items() if known is None or word in known}

    found = table(found, "the notes", ("multiverse", "decisions", "rules"))
    decisions: dict[str, dict[str, Any]] = {}
    for name, told in table(found.get("decisions", {}), "decisions").items():
        where = f"decisions.{name}"
        decisions[name] = noted = table(told, where, DECISION)
        options = table(noted.get("options", {}), f"{where}.options")
        noted["options"] = {label: table(own, f"{where}.options.{label}", OPTION) for label, own in options.items()}
    rules = found.get("rules", [])
    if not isinstance(rules, list):
        problems.append(Problem(f"{file}: `rules` behind `{MARK}` is {rules!r}.", "a list of tables", mend))
        rules = []
    return Notes(decisions, tuple(rules))
