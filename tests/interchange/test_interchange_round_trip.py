"""Any space, written and read back; and what the files mean to others, read from their documents, not from our code."""

from __future__ import annotations

import inspect
import itertools
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.errors import SpaceError
from multiverse.identity.fingerprint import fingerprint
from multiverse.interchange.from_astra import from_astra
from multiverse.interchange.from_toml import from_toml
from multiverse.interchange.ids import all_option_ids, decision_ids
from multiverse.interchange.to_astra import to_astra
from multiverse.interchange.to_toml import to_toml
from multiverse.space.decision import Decision
from multiverse.space.option import Option
from multiverse.space.rules import Forbid
from multiverse.space.space import Space


def multiversum_grid(text: str) -> list[dict[str, Any]]:
    """The universes of a multiverse.toml, as the docstring of multiversum's `Config` says (0.7.2)."""
    told = tomllib.loads(text)
    assert told.keys() <= {"dimensions", "constraints", "seed", "stop_on_error", "cell_timeout"}, "Config() would raise"
    names, lists = zip(*told["dimensions"].items(), strict=True)

    def allowed(universe: dict[str, Any], entry: dict[str, Any]) -> bool:
        needed = all(universe[name] == value for name, value in entry.get("allowed_if", {}).items())
        minded = any(universe[name] == value for name, value in entry.get("forbidden_if", {}).items())
        return needed and not minded

    return [
        universe
        for row in itertools.product(*lists)
        if (universe := dict(zip(names, row, strict=True)))
        and all(
            universe[name] != entry["value"] or allowed(universe, entry)
            for name, entries in told.get("constraints", {}).items()
            for entry in entries
        )
    ]


def astra_universes(text: str) -> list[dict[str, str]]:
    """The universes of an astra.yaml without sub-analyses: specification, "Conditions and constraints" (0.0.14)."""
    told = yaml.safe_load(text)["decisions"]

    def selected(universe: dict[str, str], ref: str) -> bool:
        decision, option = ref.split(".")
        return universe.get(decision) == option

    def valid(universe: dict[str, str]) -> bool:
        for name, decision in told.items():
            holds = [selected(universe, c.lstrip("~")) is not c.startswith("~") for c in decision.get("when", ())]
            if all(holds) is not (name in universe):
                return False
            option = decision["options"].get(universe.get(name), {})
            if option.get("excluded") or any(selected(universe, ref) for ref in option.get("incompatible_with", ())):
                return False
            if not all(selected(universe, ref) for ref in option.get("requires", ())):
                return False
        return True

    rows = itertools.product(*([*decision["options"], None] for decision in told.values()))
    found = ({name: option for name, option in zip(told, row, strict=True) if option} for row in rows)
    return [universe for universe in found if valid(universe)]


def closure(space: Space, universes: set[tuple[str | None, ...]]) -> set[tuple[str | None, ...]]:
    """All combinations of which every two options meet in one of these universes: the least that pairs can say."""
    pairs = {pair for u in universes for pair in itertools.combinations(enumerate(u), 2)}
    alone = {item for u in universes for item in enumerate(u)}
    return {
        row
        for row in itertools.product(*(decision.labels for decision in space.decisions.values()))
        if set(itertools.combinations(enumerate(row), 2)) <= pairs and set(enumerate(row)) <= alone
    }


class Thing:
    """A value that no file can hold."""

    def __init__(self, number: int):
        self.number = number


PLAIN = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=True, width=32),
    st.text(max_size=4),
    st.sampled_from(["a", "b", "options", "1", "true", "[1]", "none", "no", "\n", "#: x", "\u2028", "'\"\\"]),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.floats(0, 1), max_size=2),
    st.tuples(st.sampled_from(["age", "sex"])),
    st.none(),
    st.integers(0, 9).map(Thing),
)
LABELS = st.one_of(
    st.sampled_from(["a", "b", "c", "1", "0.1", "true", "five homes or more", "[1]", "é", "Ω", "no", "1_0", "1 0"]),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5),
)
REASONS = st.one_of(st.none(), st.sampled_from(["because", "two\nlines: # of it", " blanks ", "#: multiverse = 1"]))


class Table:
    """A function on labels: true for the listed combinations."""

    def __init__(self, names: tuple[str, ...], true: set[tuple[str | None, ...]]):
        self.true = true
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def __call__(self, *labels: str | None) -> bool:
        return labels in self.true


@st.composite
def decisions(draw: st.DrawFn, names: tuple[str, ...], wild: bool) -> dict[str, Decision]:
    made = {}
    for name in names:
        labels = draw(st.lists(LABELS, min_size=1, max_size=3, unique_by=str.strip)) if wild else ["a", "b", "c"]
        labels = [label for label in labels if label.strip()] or ["a"]
        labels = labels[: draw(st.sampled_from([1, 2, 2, 3]))]
        weighed = wild and draw(st.booleans())
        options = tuple(
            Option(
                label,
                draw(PLAIN) if wild else label,
                draw(REASONS) if wild else None,
                draw(st.sampled_from([1, 0.5, 2.0])) if weighed else None,
            )
            for label in labels
        )
        kind = draw(st.sampled_from(["prior", "data set"]))
        rationale = draw(st.sampled_from([None, "we do not know"]))
        made[name] = Decision(kind, options, draw(st.sampled_from(labels)), rationale)
    return made


def _asked(space: Space, names: tuple[str, ...], draw: st.DrawFn) -> Any:
    """A rule on these decisions, as data or as a function; seldom true of the reference universe."""
    if draw(st.booleans()):
        found = {}
        for name in names:
            decision = space.decisions[name]
            other = [label for label in decision.labels if label != decision.reference] or list(decision.labels)
            found[name] = draw(st.lists(st.sampled_from(other), min_size=1, unique=True))
        return found
    reference = tuple(space.decisions[name].reference for name in names)
    rows = [*itertools.product(*((*space.decisions[name].labels, None) for name in names))]
    some = draw(st.lists(st.sampled_from([row for row in rows if row != reference]), max_size=5))
    return Table(names, {*some, *((reference,) if draw(st.integers(0, 9)) == 9 else ())})


@st.composite
def spaces(draw: st.DrawFn, wild: bool = False) -> Space:
    """Sound spaces of up to four decisions, under rules of all kinds. wild: labels, values and reasons of all kinds."""
    names = ("tail", "Slope", "options", "d")[: draw(st.sampled_from([1, 2, 3, 3, 4]))]
    space = Space(draw(decisions(names, wild)))
    for _ in range(draw(st.integers(0, 4))):
        word = draw(st.sampled_from(["forbid", "forbid", "only_when", "link", "requires", "incompatible_with"]))
        chosen = tuple(draw(st.permutations(names))[: draw(st.integers(1, min(3, len(names))))])
        if word == "forbid":
            changed = space.forbid(draw(st.sampled_from(["so", "it is\nodd"])), _asked(space, chosen, draw))
        elif len(chosen) == 1:
            continue
        elif word == "only_when":
            changed = space.only_when(chosen[0], _asked(space, chosen[1:], draw))
        elif word == "link":
            changed = space.link(*chosen)
        elif space.rules or space.links:  # a space takes the rules of options when its decisions are made
            continue
        else:
            own = space.decisions[chosen[0]]
            asked = {"label": draw(st.sampled_from(own.labels)), word: _asked(space, chosen[1:], draw)}
            made = tuple(
                Option(o.label, o.value, o.why, o.plausibility, **{word: asked[word]})
                if o.label == asked["label"]
                else o
                for o in own.options
            )
            changed = Space({**space.decisions, chosen[0]: Decision(own.kind, made, own.reference, own.rationale)})
        space = space if changed.check() else changed
    return space


def written(write: Callable[[Space], str], space: Space) -> str | None:
    """The text, or None where the format cannot say these universes."""
    try:
        return write(space)
    except SpaceError:
        return None


@given(spaces())
@settings(max_examples=100, deadline=None)
def test_toml_means_the_universes_of_the_space_or_is_refused(space: Space) -> None:
    reference = [decision.reference for decision in space.decisions.values()]
    universes = [tuple(x or own for x, own in zip(u.labels, reference, strict=True)) for u in space]
    text = written(to_toml, space)
    if text is None:
        assert len(set(universes)) < len(universes) or closure(space, set(universes)) > set(universes)
        return
    grid = [tuple(universe.values()) for universe in multiversum_grid(text)]  # values are labels here
    assert sorted(grid) == sorted(universes)


@given(spaces())
@settings(max_examples=100, deadline=None)
def test_astra_means_the_universes_of_the_space_or_is_refused(space: Space) -> None:
    text = written(to_astra, space)
    if text is None:
        return  # the test below says when
    names, ids = decision_ids(space.decisions), all_option_ids(space.decisions)
    universes = [{names[n]: ids[n][label] for n, label in u.active.items()} for u in space]
    found = astra_universes(text)
    assert len(found) == len(universes) and all(universe in found for universe in universes)


@given(spaces())
@settings(max_examples=40, deadline=None)
def test_astra_takes_what_pairs_and_lists_of_labels_say(space: Space) -> None:
    """Rules as data on two decisions each are never refused."""
    plain = Space(
        {n: Decision("prior", tuple(Option(x, x) for x in d.labels), d.reference) for n, d in space.decisions.items()}
    )
    for one, two in itertools.combinations(plain.decisions, 2):
        pair = {one: plain.decisions[one].labels[-1], two: plain.decisions[two].labels[0]}
        changed = plain.forbid("so", pair)
        plain = plain if changed.check() else changed
    first, *others = plain.decisions
    for name in others[-1:]:
        changed = plain.only_when(name, {first: plain.decisions[first].labels[:2]})
        plain = plain if changed.check() else changed
    assert from_astra(to_astra(plain)).size == plain.size


@pytest.mark.parametrize(("write", "read"), [(to_toml, from_toml), (to_astra, from_astra)])
@given(space=spaces(wild=True))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(write: Any, read: Any, space: Space) -> None:
    text = written(write, space)
    if text is None:
        return
    again = read(text + "\n", values=objects(space))
    assert list(again.decisions) == list(space.decisions)
    for name, own in space.decisions.items():
        other = again.decisions[name]
        assert (other.kind, other.labels, other.reference, other.rationale) == (
            own.kind,
            own.labels,
            own.reference,
            own.rationale,
        )
        assert [(o.why, o.plausibility) for o in other.options] == [(o.why, o.plausibility) for o in own.options]
        assert [fingerprint(o.value) for o in other.options] == [fingerprint(o.value) for o in own.options]  # so keys
    assert list(again) == list(space) and again.reference == space.reference
    assert again.links == space.links
    assert told(again) == told(space)
    assert write(again) == text


def told(space: Space) -> dict[tuple[type, str], None]:
    """The rules in order; two that turn out to say the same count as one."""
    return dict.fromkeys((type(r), r.why if isinstance(r, Forbid) else r.decision) for r in space.rules)


def objects(space: Space) -> dict[str, dict[str, Any]]:
    """The values that a reader must be given: those that are none of what text holds."""
    found = {
        name: {o.label: o.value for o in d.options if isinstance(o.value, Thing) or big(o.value)}
        for name, d in space.decisions.items()
    }
    return {name: given for name, given in found.items() if given}


def big(value: Any) -> bool:
    """Whether TOML has no such integer: it has 64 bits of them."""
    return type(value) is int and not -(2**63) <= value < 2**63
