"""The space: decisions, minus ruled-out combinations; its universes are counted and found without being held."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from multiverse.errors import Problem, SpaceError
from multiverse.space import show
from multiverse.space.check import Examined, examine
from multiverse.space.decision import Decision
from multiverse.space.diagram import Diagram
from multiverse.space.rules import Ask, Forbid, OnlyWhen, Rule
from multiverse.space.stranger import strangers, why_not
from multiverse.space.universe import Universe


class Space:
    """What may vary in an analysis: decisions by name, in order, and rules about what goes together.

    `Space(slope=prior(...), family=likelihood(...))`, or a mapping first, for names that are made by a program.
    Immutable: `forbid` and `only_when` return a new space.  Universes come in one fixed order (the last decision
    changes fastest; a decision comes after those that its `only_when` rule looks at), by `len`, iteration and index.

    Raises SpaceError where a value is not a decision.  Other mistakes are listed by `check`, and raised together by
    whatever needs the universes.
    """

    def __init__(self, decisions: Mapping[str, Decision] | None = None, /, **named: Decision):
        self._decisions = _gathered(decisions, named)
        self._rules: tuple[Rule, ...] = ()

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """Name -> decision, in declared order; read only."""
        return MappingProxyType(self._decisions)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The `forbid` and `only_when` rules, as declared."""
        return self._rules

    def forbid(self, why: str, rule: Ask) -> Space:
        """The space without the universes where `rule` is true; `why` tells a reader what is wrong with them.

        The rule's parameters are names of decisions; it is given option labels, None where a decision does not apply.
        """
        return self._with(Forbid(why, rule))

    def only_when(self, decision: str, rule: Ask) -> Space:
        """The space where `decision` applies only if `rule` is true: elsewhere it is None and multiplies nothing.

        With several rules for one decision it applies where all of them are true.
        """
        return self._with(OnlyWhen(decision, rule))

    def check(self) -> tuple[Problem, ...]:
        """All mistakes that can be seen from the space alone; empty if it is sound."""
        return self._examined.problems

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on what is no mistake but looks like one: rules that change nothing, options in no universe."""
        return self._examined.notes

    @property
    def size(self) -> int:
        """The number of universes, also where it is more than `len` can return.  Raises SpaceError (see `check`)."""
        return self._diagram.size

    @property
    def combinations(self) -> int:
        """The size of the full product of all options, before any rule."""
        return math.prod(len(decision.options) for decision in self._decisions.values())

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True  # a sound space holds its reference universe; `len` may overflow, or raise

    def __iter__(self) -> Iterator[Universe]:
        names = self._names
        return (Universe(names, labels) for labels in self._diagram)

    def __getitem__(self, index: int) -> Universe:
        place = operator.index(index)
        size = self.size
        if not -size <= place < size:
            raise IndexError(f"universe {place} of a space of {size}: expected {-size} to {size - 1}")
        return Universe(self._names, self._diagram.at(place % size))

    def __contains__(self, universe: object) -> bool:
        return self._find(universe) is not None

    def index(self, universe: Mapping[str, str | None]) -> int:
        """The index of a universe, as `space[index]` gives it back.

        universe: decision name -> label; decisions that do not apply may be None or absent.
        Raises SpaceError where it is not in the space, and says why not.
        """
        if (found := self._find(universe)) is not None:
            return found
        raise SpaceError(why_not(universe, self._decisions, self._rules, self._examined.steps))

    @property
    def reference(self) -> Universe:
        """The universe of every decision's reference option: the analysis that would have been published."""
        universe = self._settled({})
        assert universe is not None  # `check` has found the reference in the space
        return universe

    def one_at_a_time(self) -> tuple[Universe, ...]:
        """The reference universe, then all universes that differ from it in the option of one active decision.

        A decision that such a change makes apply takes its reference option; one that it makes idle becomes None.
        Universes that a rule excludes are left out.
        """
        reference = self.reference
        changed = (
            self._settled({name: label})
            for name, own in reference.active.items()
            for label in self._decisions[name].labels
            if label != own
        )
        return (reference, *(universe for universe in changed if universe is not None))

    def sample(self, n: int, seed: int = 0) -> tuple[Universe, ...]:
        """`n` different universes, every set of `n` equally likely, in the order of the space; all if there are fewer.

        The same seed gives the same universes.  Raises SpaceError where n is negative.
        """
        if n < 0:
            raise SpaceError(Problem(f"a sample of {n} universes.", "0 or more", "Write `space.sample(100)`."))
        size = self.size
        if n >= size:
            return tuple(self)
        # Floyd's sampling: n draws whatever the size (Bentley & Floyd 1987, CACM 30(9)); random.sample needs len().
        source, chosen = random.Random(seed), set[int]()
        for last in range(size - n, size):
            drawn = source.randrange(last + 1)
            chosen.add(last if drawn in chosen else drawn)
        return tuple(self[index] for index in sorted(chosen))

    def values(self, universe: Mapping[str, str | None]) -> dict[str, Any]:
        """Decision name -> value of the chosen option, in declared order; None where the decision does not apply.

        Raises SpaceError where a name or label is unknown.  Rules are not asked.
        """
        if problems := strangers(universe, self._decisions):
            raise SpaceError(problems)
        labels = ((name, universe.get(name)) for name in self._decisions)
        return {name: None if label is None else self._decisions[name].option(label).value for name, label in labels}

    def plausibility(self, universe: Mapping[str, str | None]) -> float:
        """The product of the shares (`Decision.shares`) of the chosen options over the decisions that apply.

        Sums to 1 over the space where nothing is forbidden.  Raises SpaceError where a name or label is unknown.
        """
        if problems := strangers(universe, self._decisions):
            raise SpaceError(problems)
        shares = (self._decisions[name].shares[label] for name, label in universe.items() if label is not None)
        return math.prod(shares, start=1.0)

    def __repr__(self) -> str:
        return show.text(self)

    def _repr_html_(self) -> str:
        return show.html(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"_decisions": self._decisions, "_rules": self._rules}  # what was counted is counted again

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._decisions)  # one tuple for all universes

    @cached_property
    def _examined(self) -> Examined:
        return examine(self._decisions, self._rules)

    @property
    def _diagram(self) -> Diagram:
        examined = self._examined
        if examined.problems or examined.diagram is None:
            raise SpaceError(examined.problems)
        return examined.diagram

    def _find(self, universe: object) -> int | None:
        diagram = self._diagram
        if not isinstance(universe, Mapping) or not universe.keys() <= self._decisions.keys():
            return None
        return diagram.find([universe.get(name) for name in self._decisions])

    def _with(self, rule: Rule) -> Space:
        new = Space(self._decisions)
        new._rules = (*self._rules, rule)
        return new

    def _settled(self, changes: Mapping[str, str]) -> Universe | None:
        """The universe of these labels and elsewhere the reference options; None where a rule excludes it."""
        chosen = [changes.get(name, decision.reference) for name, decision in self._decisions.items()]
        labels = self._diagram.settle(chosen)
        return None if labels is None else Universe(self._names, labels)


def _gathered(decisions: object, named: Mapping[str, object]) -> dict[str, Decision]:
    """The decisions of both ways to give them, in order.  Raises SpaceError with all that are none."""
    problems = []
    if decisions is not None and not isinstance(decisions, Mapping):
        problems.append(
            Problem(
                f"Space was given a {type(decisions).__name__} without names.",
                "decisions by keyword, or one mapping from name to decision",
                "Write `Space(slope=prior(...))` or `Space({'slope': prior(...)})`.",
            )
        )
    given = dict(decisions) if isinstance(decisions, Mapping) else {}
    for name in given.keys() & named.keys():
        problems.append(
            Problem(
                f"the decision {name!r} is in the mapping and among the keywords.",
                "each decision once",
                f"Remove `{name}=` or the {name!r} of the mapping.",
            )
        )
    made: dict[str, Decision] = {}
    for name, value in {**given, **named}.items():
        if isinstance(value, Decision):
            made[name] = value
        else:
            options = "{...}" if isinstance(value, Mapping) else '{"a label": ..., "another label": ...}'
            problems.append(
                Problem(
                    f"{name!r} is a {type(value).__name__}, not a decision.",
                    "what preprocessing, prior, likelihood, parameterization or decision gives back",
                    f"Write `{name}=prior({options})`, or the maker of another kind.",
                )
            )
    if problems:
        raise SpaceError(problems)
    return made
