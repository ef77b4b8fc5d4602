"""A plan: universes grouped by program. A value: counted, printed, cut in two, thrown away; it runs nothing."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from multiverse.design.design import Selection
from multiverse.identity.fingerprint import fingerprint
from multiverse.identity.keys import StudyIdentity
from multiverse.planning.estimand import Estimand
from multiverse.planning.forecast import Forecast
from multiverse.planning.machines import Machines
from multiverse.planning.program import Program
from multiverse.planning.unanswerable import Unanswerable
from multiverse.space.universe import Universe
from multiverse.study import Study


@dataclass(frozen=True)
class Wanted:
    """What an engine shall give of each universe.

    estimands: the questions. sites: deterministic sites they look at. keep: sites whose draws are kept beside those of
    the estimands. keep_all: keep every site. time_limit: seconds that a universe may take; it changes no answer that
    is given, so no id holds it. within: the engine that asks through another one, as a part of the ids of batches: what
    the same engine answers in a run of its own is kept apart.
    """

    estimands: tuple[Estimand, ...]
    sites: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    keep_all: bool = False
    time_limit: float | None = None
    within: str = ""

    @property
    def keeping(self) -> str | list[str]:
        """Which draws are kept, as it was asked for: "estimands", "all", or the names of sites, sorted."""
        return "all" if self.keep_all else sorted(self.keep) or "estimands"

    @functools.cached_property
    def identities(self) -> Mapping[str, str]:
        """The fingerprint of each estimand, by name."""
        return {estimand.name: fingerprint(estimand.ask) for estimand in self.estimands}

    def kept(self, program: Program) -> list[str]:
        """The sites of a program whose draws are kept, sorted."""
        known = {latent.name for latent in program.sites.latents} | set(program.sites.deterministic)
        return sorted(known if self.keep_all else known & self.keep)


@dataclass(frozen=True)
class Plan:
    """All universes of a study, grouped by program.

    universes: by key, in the order of the space. todo: the keys still to be answered. failures: why some universes
    cannot be answered; these are in no program. notes: what the planner did that a person should know. twins: exact
    duplicates, each with the key of the first universe that is the same analysis: one of them is run for all.
    selection: the part of the space that a design took; None where nothing is left out. routes: program id -> the
    engines that take its universes, in order, where a run has decided that; see `engines/auto/routing.py`.
    machines: where it will run. gradients: program id -> seconds of a value and gradient of one lane, where timed.
    sizes: engine and program id -> universes a batch, where a run has decided that; see `batch_sizes.py`.
    """

    study: Study
    identity: StudyIdentity
    universes: Mapping[str, Universe] = field(repr=False)
    programs: tuple[Program, ...] = field(repr=False)
    wanted: Wanted
    todo: frozenset[str] = field(repr=False)
    failures: Mapping[str, Unanswerable] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    forecast: Forecast | None = None
    twins: Mapping[str, str] = field(default_factory=dict, repr=False)
    selection: Selection | None = field(default=None, repr=False)
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    machines: Machines = field(default_factory=Machines, repr=False, compare=False)
    gradients: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    sizes: Mapping[tuple[str, str], int] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.universes)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all universes, in the order of the space."""
        return tuple(self.universes)

    @functools.cached_property
    def reference(self) -> str:
        """The key of the reference universe."""
        wanted = self.study.space.reference
        return next(key for key, universe in self.universes.items() if universe == wanted)

    @functools.cached_property
    def program_of(self) -> Mapping[str, Program]:
        """The program of each universe, by key; of those that can be answered."""
        return {key: program for program in self.programs for key in program.members}

    @functools.cached_property
    def to_run(self) -> frozenset[str]:
        """The universes still to do that an engine will run: of twins the first, or none where one is answered."""
        answered = {self.twins.get(key, key) for key in self.universes.keys() - self.todo}
        return self.todo - answered - self.twins.keys() - self.failures.keys()

    def without(self, done: Iterable[str]) -> Plan:
        """The plan of what is still to do. Programs keep all their members: shares do not change on the way."""
        return replace(self, todo=self.todo - frozenset(done))

    def keeping(self, keep: str | Iterable[str]) -> Plan:
        """The plan with other draws kept: `"estimands"`, `"all"`, or the names of sites."""
        if keep == "estimands":
            wanted = replace(self.wanted, keep=frozenset(), keep_all=False)
        elif keep == "all":
            wanted = replace(self.wanted, keep=frozenset(), keep_all=True)
        else:
            wanted = replace(self.wanted, keep=frozenset([keep] if isinstance(keep, str) else keep), keep_all=False)
        return replace(self, wanted=wanted)

    def __repr__(self) -> str:
        from multiverse.planning.show import plan_text

        return plan_text(self)

    def _repr_html_(self) -> str:
        from multiverse.planning.show import plan_html

        return plan_html(self)
