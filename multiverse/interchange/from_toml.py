"""The space of a `multiverse.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from multiverse.errors import Problem, near_miss
from multiverse.interchange import notes as behind
from multiverse.interchange.assemble import Own, assemble
from multiverse.interchange.bind import Values
from multiverse.interchange.draft import Draft, DraftDecision, DraftOption, Placed
from multiverse.interchange.notes import Notes
from multiverse.interchange.pairs import Choice, Limit, pairs
from multiverse.interchange.plain import is_plain, spelled
from multiverse.interchange.source import SpaceFileError, source
from multiverse.interchange.to_toml import FORMAT
from multiverse.interchange.tokens import labels, same
from multiverse.space.space import Space

TABLES = ("dimensions", "constraints")
SETTINGS = ("seed", "stop_on_error", "cell_timeout")  # how multiversum 0.7 runs; none of it is the space
ENTRY = ("value", "allowed_if", "forbidden_if")
KIND = "a multiverse.toml"


def from_toml(path_or_text: str | Path, *, values: Values = None, kinds: Mapping[str, str] | None = None) -> Space:
    """The space of a TOML file that multiversum reads, or that `to_toml` wrote.

    path_or_text: the file; or its text, which has more than one line.
    values: the Python objects that the file cannot hold, `{"slope": {"weak": Normal(0, 10)}}`, or a space that has
        them.
    kinds: name -> kind of a decision, where the file has none; else "decision".

    Each dimension is a decision, each of its values an option: called by its text, `0.1` or `[1, 2]`, unless the file
    says otherwise. `allowed_if` becomes `requires` of the option, `forbidden_if` becomes `incompatible_with`. How
    multiversum runs (`seed`, `stop_on_error`, `cell_timeout`) is not part of a space, and passed over.
    Raises SpaceFileError with all mistakes, each with its place in the file.
    """
    return read(path_or_text, values, kinds, bound=True)


def read(path_or_text: str | Path, values: Values, kinds: Mapping[str, str] | None, *, bound: bool) -> Space:
    """As `from_toml`. bound: whether a value that nobody gives is a mistake; else it is an `Unbound`."""
    text, file, _ = source(path_or_text, KIND)
    draft = Draft(file)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpaceFileError(Problem(f"{file} is not TOML: {error}.", KIND, "Mend the line.")) from None
    noted = behind.read(text, draft.problems, file)
    draft.table(found, "", (*TABLES, *SETTINGS))
    if "dimensions" not in found:
        _no_dimensions(draft)
    given = _dimensions(draft, found, noted)
    for name, entries in draft.table(found.get("constraints"), "[constraints]").items():
        _constraints(draft, name, entries, given)
    return assemble(draft, noted, values, kinds, lambda space: Own(pairs(space, FORMAT), {}), bound=bound)


def _dimensions(draft: Draft, found: Mapping[str, Any], noted: Notes) -> dict[str, tuple[Any, ...]]:
    """Decision -> what its list holds; the decisions go to the draft."""
    dimensions = draft.table(found["dimensions"], "[dimensions]")
    if not dimensions:
        _no_dimensions(draft)
    given = {}
    for name, items in dimensions.items():
        where = f"[dimensions] {name}"
        draft.broken.add(name)
        if not isinstance(items, list) or not items:
            usual = f"[{_word(items)}, ...]" if items != [] else "[1, 2]"
            draft.wrong(
                where, f"it is {_word(items)}.", "a list with a value for each option", f"Write `{name} = {usual}`."
            )
        elif twins := same(items):
            one, two = (spelled(items[place]) if is_plain(items[place]) else items[place] for place in twins)
            draft.wrong(
                where,
                f"the values {one} and {two} are the same to multiversum.",
                "values that differ, also as numbers: 1, 1.0 and true are one",
                "Remove one of them, or write texts.",
            )
        else:
            draft.broken.remove(name)
            given[name] = tuple(items)
            draft.decisions[name] = DraftDecision(name, where, options=_options(draft, name, items, noted))
    return given


def _no_dimensions(draft: Draft) -> NoReturn:
    if not draft.problems:
        draft.wrong(
            "",
            "there are no dimensions.",
            "a table [dimensions] with a list of values for each decision",
            'Write `[dimensions]`, and below it `counties = ["all", "five homes or more"]`.',
        )
    raise SpaceFileError(draft.problems)


def _options(draft: Draft, name: str, items: list[Any], noted: Notes) -> list[DraftOption]:
    """The options of a list, called as the notes or else the values say."""
    called = {_word(told["written"]): label for label, told in noted.options(name).items() if "written" in told}
    where = f"[dimensions] {name}"
    for word in called.keys() - {_word(item) for item in items}:
        draft.wrong(
            where,
            f"{called[word]!r} is written {word} behind `{behind.MARK}`, and the list has no such value.",
            f"one of: {', '.join(map(_word, items))}",
            f"Change the line behind `{behind.MARK}` as well, or remove it.",
        )
    usual = labels(items)
    return [DraftOption(called.get(_word(item), label), item, where) for item, label in zip(items, usual, strict=True)]


def _word(item: Any) -> str:
    return spelled(item) if is_plain(item) else str(item)


def _constraints(draft: Draft, name: str, entries: Any, given: Mapping[str, tuple[Any, ...]]) -> None:
    """What the entries of one dimension ask; goes to the draft."""
    place = f"[[constraints.{name}]]"
    if not _known(draft, name, f"[constraints] {name}", given):
        return
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        draft.wrong(
            f"[constraints] {name}",
            f"it is {entries!r}.",
            "a list of tables",
            f"Write `[[constraints.{name}]]`, and below it `value = ...` and `allowed_if = {{ ... }}`.",
        )
        return
    for number, entry in enumerate(entries, 1):
        where = f"{place} number {number}"
        told = draft.table(entry, where, ENTRY)
        option = _option(draft, name, told.get("value"), f"{where}, value", given) if "value" in told else None
        asked = [word for word in ENTRY[1:] if word in told]
        if len(told) < len(entry):
            continue  # it may have meant what is missing
        if "value" not in told or len(asked) != 1:
            draft.wrong(
                where,
                f"it has {' and '.join(map(repr, told)) or 'nothing'}.",
                "`value`, and either `allowed_if` or `forbidden_if`",
                "Write two entries for what is allowed and what is forbidden.",
            )
        elif option is not None:
            _limits(draft, option, told[asked[0]], asked[0], where, given)


def _limits(
    draft: Draft, option: Choice, told: Any, word: str, where: str, given: Mapping[str, tuple[Any, ...]]
) -> None:
    """What one entry asks: of several dimensions `allowed_if` needs all, `forbidden_if` minds each."""
    for other, item in draft.table(told, f"{where}, {word}").items():
        if not _known(draft, other, f"{where}, {word}", given):
            continue
        beside = _option(draft, other, item, f"{where}, {word}", given)
        if beside is None:
            continue
        needed = word == "allowed_if"
        if other != option.decision:
            draft.limits.append(Placed(Limit(option, other, (beside.label,), needed), where))
        elif (beside == option) is not needed:
            draft.nowhere[option] = f"[constraints] of {draft.file} rule it out everywhere"


def _known(draft: Draft, name: str, where: str, given: Mapping[str, Any]) -> bool:
    if name not in given and name not in draft.broken:
        draft.wrong(
            where,
            f"{name!r} is no dimension.",
            f"one of: {', '.join(given) or 'none'}",
            f"{near_miss(name, given)}Rename it, or add it to [dimensions].",
        )
    return name in given


def _option(draft: Draft, name: str, item: Any, where: str, given: Mapping[str, tuple[Any, ...]]) -> Choice | None:
    """The option that a value of the file means: what multiversum finds equal."""
    for place, own in enumerate(given[name]):
        if own == item:
            return Choice(name, draft.decisions[name].labels[place])
    texts = [_word(own) for own in given[name]]
    draft.wrong(
        where,
        f"{_word(item)} is no value of {name!r}.",
        f"one of: {', '.join(texts)}",
        f"{near_miss(_word(item), texts)}Write the value as in [dimensions].",
    )
    return None
