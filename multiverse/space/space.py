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
from multiverse.space.condition import Labels, When
from multiverse.space.decision import Decision
from multiverse.space.diagram import Diagram
from multiverse.space.gathered import gathered
from multiverse.space.part import Part, numbered
from multiverse.space.ruled_out import combinations, ruled_out
from multiverse.space.rules import Ask, Forbid, Link, OnlyWhen, Rule, RuledOut
from multiverse.space.stranger import strangers, why_not
from multiverse.space.union import merged
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
        self._decisions = gathered(decisions, named)
        self._parts: tuple[Part, ...] = (Part(self._decisions),)
        self._misfits: tuple[Problem, ...] = ()  # what stands in the way of a union

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """Name -> decision, in declared order; read only."""
        return MappingProxyType(self._decisions)

    @property
    def rules(self) -> tuple[Forbid | OnlyWhen, ...]:
        """The `forbid` and `only_when` rules, as declared."""
        return tuple(rule for rule in self._declared if isinstance(rule, Forbid | OnlyWhen))

    @property
    def links(self) -> tuple[tuple[str, ...], ...]:
        """The decisions that move together, a tuple for each `link`; of a union where they do so in all of it."""
        linked = [{rule.decisions for rule in part.declared if isinstance(rule, Link)} for part in self._parts]
        return tuple(
            names
            for names in dict.fromkeys(rule.decisions for rule in self._declared if isinstance(rule, Link))
            if all(
                names in own or len(part.decisions.keys() & set(names)) < 2
                for part, own in zip(self._parts, linked, strict=True)
            )
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """The spaces of a union, each with its own options and rules; of any other space, one."""
        return self._parts

    def forbid(self, why: str, rule: Ask | Mapping[str, Labels]) -> Space:
        """The space without the universes where `rule` is true; `why` tells a reader what is wrong with them.

        The rule's parameters are names of decisions; it is given option labels, None where a decision does not apply.
        Or it is a mapping, `{"counties": "all", "zeros": ["0.1", "0.3"]}`: true where every decision that it names has
        one of these labels.
        """
        return self._with(Forbid(why, _asked(rule)))

    def only_when(self, decision: str, rule: Ask | Mapping[str, Labels]) -> Space:
        """The space where `decision` applies only if `rule` is true: elsewhere it is None and multiplies nothing.

        With several rules for one decision it applies where all of them are true.  The rule is as in `forbid`.
        """
        return self._with(OnlyWhen(decision, _asked(rule)))

    def link(self, *decisions: str) -> Space:
        """The space where these decisions move together: the first option of one goes with the first of the others.

        All have the same number of options.  Of a decision that does not apply nothing is asked.
        Raises SpaceError where something else than names is given.
        """
        if strange := [name for name in decisions if not isinstance(name, str)]:
            what = f"link was given {strange[0]!r}, a {type(strange[0]).__name__}."
            raise SpaceError(Problem(what, "names of decisions", 'Write `space.link("one", "other")`.'))
        known = (self._decisions[name].labels if name in self._decisions else () for name in decisions)
        return self._with(Link(decisions, tuple(known)))

    def union(self, other: object) -> Space:
        """The universes of this space and those of another, each once; also written `space | other`.

        Decisions are merged by name: the same kind, and the same value under the same label; options and decisions that
        only the other has come last.  A decision that only one of them has is None in the universes of the other.  The
        reference universe is that of this space.  The rules of each hold for its own universes; what is declared
        afterwards holds for all.  Decisions that do not fit together are mistakes, listed by `check`.
        """
        if not isinstance(other, Space):
            what = f"union was given a {type(other).__name__}."
            raise SpaceError(Problem(what, "another space", "Write `space | mv.Space(...)`."))
        new = Space()
        new._decisions, misfits = merged(self._decisions, other._decisions)
        new._parts = (*self._parts, *other._parts)
        new._misfits = tuple(dict.fromkeys((*self._misfits, *other._misfits, *misfits)))
        return new

    def __or__(self, other: object) -> Space:
        return self.union(other) if isinstance(other, Space) else NotImplemented

    def ruled_out(self) -> tuple[RuledOut, ...]:
        """How many combinations each rule takes away, after those before it took theirs.

        First the `only_when` rules, which make one universe of many combinations; then what options ask of others;
        then `forbid` and `link`, as declared.  `combinations` is the sum of these numbers, `size` and `shared`.
        Raises SpaceError (see `check`).
        """
        return ruled_out(self._decisions, [counted.part for counted in self._sound.parts])

    def alone(self, universe: Mapping[str, str | None]) -> Space:
        """The space of this one universe: its options without the others, and no rules.

        Raises SpaceError where a name or label is unknown.  Rules are not asked.
        """
        if problems := strangers(universe, self._decisions):
            raise SpaceError(problems)
        new = Space()
        new._decisions = {name: decision.only(universe.get(name)) for name, decision in self._decisions.items()}
        active = {name: new._decisions[name] for name, label in universe.items() if label is not None}
        new._parts = (Part(active),)
        return new

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
        return self.diagram.size

    @property
    def combinations(self) -> int:
        """The size of the full product of all options, before any rule; of a union, the sum over its spaces."""
        return combinations(self._parts)

    @property
    def shared(self) -> int:
        """Universes that a union did not count again since an earlier one of its spaces has them; else 0."""
        return sum(part.diagram.size for part in self._sound.parts) - self.size

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True  # a sound space holds its reference universe; `len` may overflow, or raise

    def __iter__(self) -> Iterator[Universe]:
        names = self._names
        return (Universe(names, labels) for labels in self.diagram)

    def __getitem__(self, index: int) -> Universe:
        place = operator.index(index)
        size = self.size
        if not -size <= place < size:
            raise IndexError(f"universe {place} of a space of {size}: expected {-size} to {size - 1}")
        return Universe(self._names, self.diagram.at(place % size))

    def __contains__(self, universe: object) -> bool:
        return self._find(universe) is not None

    def index(self, universe: Mapping[str, str | None]) -> int:
        """The index of a universe, as `space[index]` gives it back.

        universe: decision name -> label; decisions that do not apply may be None or absent.
        Raises SpaceError where it is not in the space, and says why not.
        """
        if (found := self._find(universe)) is not None:
            return found
        examined = self._examined
        raise SpaceError(why_not(universe, self._decisions, examined.rules, [part.steps for part in examined.parts]))

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
        return tuple(dict.fromkeys((reference, *(universe for universe in changed if universe is not None))))

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

        Sums to 1 over a space where no combination is ruled out, and that is no union.  Raises SpaceError where a name
        or label is unknown.
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
        kept = ("_decisions", "_parts", "_misfits")
        return {name: getattr(self, name) for name in kept}  # what was counted is counted again

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._decisions)  # one tuple for all universes

    @cached_property
    def _examined(self) -> Examined:
        if self._misfits:  # decisions that do not fit together have no universes
            return Examined(self._misfits)
        return examine(self._decisions, self._parts)

    @property
    def _sound(self) -> Examined:
        if self._examined.problems or self._examined.diagram is None:
            raise SpaceError(self._examined.problems)
        return self._examined

    @cached_property
    def diagram(self) -> Diagram:
        """The universes as a decision diagram, for what counts or draws without making them.  Raises SpaceError."""
        found = self._sound.diagram
        assert found is not None
        return found

    @property
    def _declared(self) -> tuple[Rule, ...]:
        return numbered([part.declared for part in self._parts])[0]

    def _find(self, universe: object) -> int | None:
        diagram = self.diagram
        if isinstance(universe, Universe) and universe.names == self._names:  # the usual case, made fast
            return diagram.find(universe.labels)
        if not isinstance(universe, Mapping) or not universe.keys() <= self._decisions.keys():
            return None
        return diagram.find([universe.get(name) for name in self._decisions])

    def _with(self, rule: Rule) -> Space:
        new = Space()
        new._decisions, new._misfits = self._decisions, self._misfits
        new._parts = tuple(part.having(rule) for part in self._parts)
        return new

    def _settled(self, changes: Mapping[str, str]) -> Universe | None:
        """The universe of these labels and elsewhere the reference options; None where a rule excludes it.

        Decisions that are linked to a changed one move with it.  In a union: of the first space that has the universe.
        """
        for counted in self._sound.parts:
            chosen = counted.part.chosen(self._decisions, changes)
            if chosen is not None and (labels := counted.diagram.settle(chosen)) is not None:
                return Universe(self._names, labels)
        return None


def _asked(rule: Ask | Mapping[str, Labels]) -> Ask:
    """A mapping as a condition; a rule that is a function as it is."""
    return When(rule) if isinstance(rule, Mapping) and not isinstance(rule, When) else rule
