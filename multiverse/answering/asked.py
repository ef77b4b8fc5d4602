"""What is asked of a network: a universe of the space, or one beside it with option values of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiverse.errors import MultiverseError, Problem, ResultError, near_miss
from multiverse.identity.fingerprint import describe, fingerprint
from multiverse.planning.bind import Binding, a
from multiverse.planning.family import Choice
from multiverse.planning.leaf_path import option_path
from multiverse.planning.plan import Plan
from multiverse.planning.structure import take_apart
from multiverse.space.universe import Universe

TRAIN = "add it to the space as an option and train again, or answer it with NUTS in a study of its own"


@dataclass(frozen=True)
class Asked:
    """Universes of the space, by key, that are asked with these values in place of their own options.

    values: option values that are not in the space, by decision, taken apart; empty where all are.
    """

    universes: Mapping[str, Universe]
    values: Mapping[str, Choice]


class Options:
    """The options of a plan, taken apart once, and what can be asked in their words."""

    def __init__(self, plan: Plan, binding: Binding):
        self._plan, self._binding = plan, binding
        self._decisions = plan.study.space.decisions
        self._found: dict[Any, Sequence[str]] = {}
        self._order = {key: number for number, key in enumerate(plan.keys)}
        self._choices: dict[tuple[str, str | None], Choice] = {
            (name, option.label): self._choice(name, option.value)
            for name, decision in self._decisions.items()
            for option in decision.options
        }
        self._choices |= {(name, None): Choice(None, "", *take_apart(None)) for name in self._decisions}

    def base(self, universe: str | Mapping[str, str | None] | None) -> Universe:
        """The universe that a person names: by labels, its key or the beginning of it; by default the reference.

        Raises ResultError where there is none.
        """
        plan = self._plan
        if universe is None or universe == "reference":
            return plan.universes[plan.reference]
        if isinstance(universe, str):
            found = [key for key in plan.keys if key.startswith(universe)]
            if len(found) == 1:
                return plan.universes[found[0]]
            raise ResultError(
                Problem(
                    f"{universe!r} begins the keys of {len(found)} universes.",
                    "the key of one, or as much of it as tells it from others",
                    "name options instead, as in universe={'prior': 'weak'}",
                )
            )
        (one,) = self.asked(plan.universes[plan.reference], universe).universes.values()
        return one

    def asked(self, base: Universe, options: Mapping[str, Any], *, every: bool = False) -> Asked:
        """What these options ask for: labels, or values, by decision; the others are those of `base`.

        every: all universes of the space with these options, whatever the others are.
        Raises ResultError for a decision that is not there, a value that another program would be needed for, and a
        combination that the space does not have.
        """
        problems: list[Problem] = []
        labels: dict[str, str | None] = {}
        alike: dict[str, list[str]] = {}
        values: dict[str, Choice] = {}
        for name, wanted in options.items():
            try:
                label, value, stand_ins = self._option(name, wanted)
            except MultiverseError as error:
                problems += error.problems
                continue
            if value is None:
                labels[name] = label
            else:
                values[name], alike[name] = value, stand_ins
        if problems:
            raise ResultError(problems)
        at = base, tuple(labels.items()), tuple((name, tuple(some)) for name, some in alike.items()), every
        if at not in self._found:  # a walk over all universes, and the same for each of a stream of data sets
            self._found[at] = self._universes(base, labels, alike, every=every)
        found = self._found[at]
        if not found:
            shown = ", ".join(f"{name}={value!r}" for name, value in options.items())
            what = f"no universe of the space has {shown}: its rules, or a design, leave it out"
            raise ResultError(Problem(f"{what}.", "options that go together", "ask without one of them"))
        return Asked({key: self._plan.universes[key] for key in found}, values)

    def _universes(
        self,
        base: Universe,
        labels: Mapping[str, str | None],
        alike: Mapping[str, Sequence[str]],
        *,
        every: bool,
    ) -> Sequence[str]:
        """The keys of all universes with these labels; or of the one of them that is nearest to `base`."""
        found = list(self._matching(labels, alike))
        if every:
            return self._one_each(found, alike)
        best = max(
            found,
            key=lambda key: (self._agreement(key, base, alike), -self._stand(key, alike), -self._order[key]),
            default=None,
        )
        return [] if best is None else [best]

    def named(self, universe: Universe, asked: Asked) -> Universe:
        """The universe that is asked: one of the space, with values of its own as they are written."""
        if not asked.values:
            return universe
        labels = [
            self._written(name, asked.values[name]) if name in asked.values else label
            for name, label in universe.items()
        ]
        return Universe(universe.names, tuple(labels))

    def values(self, universe: Universe, asked: Asked) -> dict[str, Any]:
        """The option values that are asked, by decision."""
        own = {name: choice.value for name, choice in asked.values.items()}
        return {name: self._choices[name, label].value for name, label in universe.items()} | own

    def known(self, asked: Asked) -> dict[tuple[str, str | None], Choice]:
        """All options by decision and label, and the values of their own."""
        own: dict[tuple[str, str | None], Choice] = {
            (name, self._written(name, choice)): choice for name, choice in asked.values.items()
        }
        return self._choices | own

    def _written(self, name: str, value: Choice) -> str:
        """What a value of its own is called: as no option is."""
        text = describe(value.value)
        return f"{text} (new)" if text in self._decisions[name].labels else text

    def _option(self, name: str, wanted: Any) -> tuple[str | None, Choice | None, list[str]]:
        """The label that is asked; or the value, and the labels of options that share its program, nearest first."""
        if name not in self._decisions:
            raise ResultError(
                Problem(
                    f"the study has no decision {name!r}.",
                    f"one of {', '.join(self._decisions) or 'none: its space is empty'}",
                    f"{near_miss(name, self._decisions)}Name a decision",
                )
            )
        decision = self._decisions[name]
        if wanted is None or (isinstance(wanted, str) and wanted in decision.labels):
            return wanted, None, []
        value = self._choice(name, self._as_written(name, wanted))
        for label in decision.labels:
            if self._choices[name, label].identity == value.identity:
                return label, None, []
        told = [f"{label!r}" for label in decision.labels]
        if isinstance(wanted, str):
            close = near_miss(wanted, decision.labels)
            raise ResultError(
                Problem(
                    f"{name!r} has no option {wanted!r}.", f"one of {', '.join(told)}, or a value", f"{close}{TRAIN}"
                )
            )
        stand_ins = [label for label in decision.labels if self._choices[name, label].text == value.text]
        if name in self._binding.reparam or (name in self._binding.analysis and not stand_ins):
            raise ResultError(self._other_program(name, value, wanted))
        near = sorted(stand_ins, key=lambda label: _distance(value, self._choices[name, label]))
        return None, value, near or list(decision.labels)

    def _other_program(self, name: str, value: Choice, wanted: Any) -> Problem:
        kinds = dict.fromkeys(type(self._choices[name, label].value).__name__ for label in self._decisions[name].labels)
        same = type(value.value).__name__ in kinds
        how = f"{a(wanted)} of another shape" if same and value.leaves else f"{a(wanted)}"
        return Problem(
            f"{name} = {describe(wanted)} is {how}, which needs another program: the options of {name!r} are "
            f"{', '.join(kinds)}.",
            f"other numbers in the same places, as in {describe(self._choices[name, self._first(name)].value)}",
            TRAIN,
        )

    def _first(self, name: str) -> str:
        return self._decisions[name].labels[0]

    def _as_written(self, name: str, wanted: Any) -> Any:
        """A whole number where the options are floats is one."""
        floats = all(isinstance(self._choices[name, label].value, float) for label in self._decisions[name].labels)
        return float(wanted) if floats and isinstance(wanted, int | np.integer) and wanted is not True else wanted

    def _choice(self, name: str, value: Any) -> Choice:
        taken = value if name in self._binding.analysis else None
        return Choice(value, fingerprint(value, name=f"the value of {name!r}"), *take_apart(taken, option_path(name)))

    def _matching(self, labels: Mapping[str, str | None], alike: Mapping[str, Sequence[str]]) -> Iterator[str]:
        for key, universe in self._plan.universes.items():
            if all(universe[name] == label for name, label in labels.items()) and all(
                universe[name] in some for name, some in alike.items()
            ):
                yield key

    def _agreement(self, key: str, base: Universe, alike: Mapping[str, Any]) -> int:
        universe = self._plan.universes[key]
        return sum(universe[name] == label for name, label in base.items() if name not in alike)

    def _stand(self, key: str, alike: Mapping[str, Sequence[str]]) -> int:
        """How far a universe's options are down the lists of those that may stand for a value."""
        universe = self._plan.universes[key]
        return sum(list(some).index(str(universe[name])) for name, some in alike.items())

    def _one_each(self, keys: Sequence[str], alike: Mapping[str, Sequence[str]]) -> list[str]:
        """Of universes that differ in options alone that are replaced, the one whose options are nearest."""
        best: dict[tuple[Any, ...], str] = {}
        for key in sorted(keys, key=lambda key: (self._stand(key, alike), self._order[key])):
            rest = tuple(label for name, label in self._plan.universes[key].items() if name not in alike)
            best.setdefault(rest, key)
        return sorted(best.values(), key=self._order.__getitem__)


def _distance(value: Choice, other: Choice) -> float:
    """How far apart the numbers of two options are, each in units of the larger."""
    total = 0.0
    for path, leaf in value.leaves.items():
        mine, theirs = leaf.astype(np.float64), other.leaves[path].astype(np.float64)
        size = np.maximum(np.maximum(np.abs(mine), np.abs(theirs)), 1e-300)
        total += float((np.abs(mine - theirs) / size).sum())
    return total
