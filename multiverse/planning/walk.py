"""The walk over the space: each universe gets its prepared data, its key and its family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multiverse.design.design import Selection
from multiverse.identity.fingerprint import fingerprint
from multiverse.identity.keys import universe_key
from multiverse.planning.bind import Binding
from multiverse.planning.family import Candidate, Choice, Choices, Family
from multiverse.planning.identify import Identified
from multiverse.planning.only_simulates import analysis_of
from multiverse.planning.prepare import Prepared, Preparer
from multiverse.planning.unanswerable import Unanswerable
from multiverse.progress import Progress
from multiverse.space.universe import Universe
from multiverse.study import Study


@dataclass(frozen=True)
class Walked:
    """Universes by key, in the order of the space; the families of those that have data; why the others have none."""

    universes: Mapping[str, Universe]
    families: tuple[Family, ...]
    failures: Mapping[str, Unanswerable] = field(default_factory=dict)


def walk(
    study: Study, binding: Binding, known: Identified, progress: Progress, selection: Selection | None = None
) -> Walked:
    """Walk the space once, or what a design took of it. Left out are universes whose option has no fingerprint."""
    preparer = Preparer(study, binding, known.raw)
    families = _Families(study, binding, known)
    universes: dict[str, Universe] = {}
    failures: dict[str, Unanswerable] = {}
    taken = study.space if selection is None else [study.space[index] for index in selection.indices]
    with progress("preparing data", len(taken), "universes") as advance:
        for universe in taken:
            advance()
            if (chosen := _chosen(universe, known.choices)) is None:
                continue
            active = {name: choice.identity for name, choice in chosen.items() if choice.identity}
            key = universe_key(known.identity, active)
            universes[key] = universe
            prepared = preparer(universe, {name: choice.value for name, choice in chosen.items()})
            if isinstance(prepared, Unanswerable):
                failures[key] = prepared
            else:
                families.of(universe, chosen, prepared).members.append(Candidate(key, universe, prepared))
    return Walked(universes, families.all, failures)


def _chosen(universe: Universe, choices: Choices) -> dict[str, Choice] | None:
    """The choices of a universe by decision; None where one of them could not be identified."""
    chosen: dict[str, Choice] = {}
    for at in zip(universe.names, universe.labels, strict=True):
        if at not in choices:
            return None
        chosen[at[0]] = choices[at]
    return chosen


class _Families:
    """The families met so far. Mutable, while the space is walked."""

    def __init__(self, study: Study, binding: Binding, known: Identified):
        self._study, self._binding, self._known = study, binding, known
        self._model = analysis_of(study)
        self._families: dict[tuple[str, ...], Family] = {}
        self._reparams: dict[tuple[str | None, ...], tuple[dict[str, Any], str]] = {}

    @property
    def all(self) -> tuple[Family, ...]:
        return tuple(self._families.values())

    def of(self, universe: Universe, chosen: Mapping[str, Choice], prepared: Prepared) -> Family:
        """The family of a universe, made when it is the first of its kind."""
        reparam, text = self._reparam(universe, chosen)
        at = (prepared.text, text, *(chosen[name].text for name in self._binding.analysis))
        if at not in self._families:
            self._families[at] = self._new(universe, chosen, prepared, reparam, text)
        return self._families[at]

    def _reparam(self, universe: Universe, chosen: Mapping[str, Choice]) -> tuple[dict[str, Any], str]:
        """The reparameterizers by site that apply to a universe, and their fingerprint."""
        names = self._binding.reparam
        labels = tuple(universe[name] for name in names)
        if labels not in self._reparams:
            sites = {site: r for name in names for site, r in (chosen[name].value or {}).items()}
            self._reparams[labels] = sites, fingerprint(sites)
        return self._reparams[labels]

    def _new(
        self,
        universe: Universe,
        chosen: Mapping[str, Choice],
        prepared: Prepared,
        reparam: Mapping[str, Any],
        reparam_text: str,
    ) -> Family:
        taken = {name: chosen[name] for name in self._binding.analysis}
        options = ";".join(f"{name}={choice.text}" for name, choice in sorted(taken.items()))
        return Family(
            model=self._model,
            data=prepared.structure,
            options={name: choice.structure for name, choice in taken.items()},
            reparam=reparam,
            why=self._why(universe),
            text=f"{self._known.identity.model}|{prepared.text}|{options}|{reparam_text}",
            choices=self._known.choices,
        )

    def _why(self, universe: Universe) -> str:
        """The options that make a family's structure, for people: `family = student; geometry = centered`."""
        parts = []
        for name in universe:
            if name in self._binding.reparam:
                parts.append(f"{name} = {universe[name]}" if universe[name] is not None else f"no {name}")
            if name not in self._binding.analysis:
                continue
            alike: dict[str, list[str]] = {}
            for label in self._study.space.decisions[name].labels:
                if choice := self._known.choices.get((name, label)):
                    alike.setdefault(choice.text, []).append(label)
            if universe[name] is None:
                parts.append(f"no {name}")
            elif len(alike) > 1:
                parts.append(f"{name} = {' or '.join(alike[self._known.choices[name, universe[name]].text])}")
        return "; ".join(parts)
