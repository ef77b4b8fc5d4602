"""Where each family of universes is: which anchors it has, what was answered from them, and what is asked next.

A family are the universes of all programs with the same latent sites. It goes in rounds: anchors are sampled, then all
others are answered from the anchors there are, then further anchors are sampled among those that are red. Everything
follows from what was told, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

ANCHOR: Final = "anchor"  # purpose of a batch whose universes are sampled
LAST: Final = "last"  # purpose of a batch whose red universes will not be asked again
ANCHORS_A_ROUND: Final = 4  # after the first: a block of NUTS holds four universes, one costs as much as four
IN_VAIN: Final = 8  # anchors, of two rounds, that may fail the gate of NUTS before any has passed it


class Sampled(NamedTuple):
    """A universe that passed the gate of NUTS. place: how many batches of anchors were there before its own."""

    place: int
    key: str
    batch: str
    program: Program


@dataclass(frozen=True)
class Family:
    """The state of one family.

    programs: all of it. budget: how many universes may be sampled. anchors: in order. failed: universes that were
    sampled and did not pass. red: what was answered from all these anchors, and is red. gains: how many were answered
    and are green, or out of reach as yet, by the number of batches of anchors that they read. closing: no anchors will
    follow, since the last but newest answered fewer universes than they are. again: batches of this round that an
    earlier sweep asked for; they are told from the store.
    """

    programs: tuple[Program, ...]
    budget: int
    anchors: tuple[Sampled, ...] = ()
    failed: frozenset[str] = frozenset()
    red: Mapping[str, Outcome] = field(default_factory=lambda: MappingProxyType({}))
    gains: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    closing: bool = False
    again: tuple[Batch, ...] = ()

    @property
    def tried(self) -> int:
        """How many universes were sampled."""
        return len(self.anchors) + len(self.failed)

    @property
    def reads(self) -> tuple[str, ...]:
        """The ids of the batches of its anchors."""
        return tuple(dict.fromkeys(anchor.batch for anchor in self.anchors))

    @property
    def beside(self) -> dict[str, Program]:
        """The programs of these batches."""
        return {anchor.batch: anchor.program for anchor in self.anchors}

    @property
    def is_last(self) -> bool:
        """Whether no anchors will follow."""
        in_vain = not self.anchors and len(self.failed) >= IN_VAIN
        return self.closing or in_vain or self.tried >= self.budget

    def members(self, todo: Iterable[str]) -> dict[str, Program]:
        """Those of some universes that belong to it, with their programs, by key in order."""
        of = {key: program for program in self.programs for key in program.members}
        return {key: of[key] for key in sorted(todo) if key in of}

    def told(self, batch: Batch, outcomes: Sequence[Outcome]) -> Family:
        """The family after one of its batches."""
        green = [outcome.key for outcome in outcomes if outcome.ok]
        if batch.purpose == ANCHOR:
            place = len(batch.reads)
            sampled = batch.program.only(batch.keys)  # all that its readers need, and they may be elsewhere
            new = (Sampled(place, key, batch.id, sampled) for key in green)
            return replace(
                self,
                anchors=tuple(sorted((*self.anchors, *new), key=lambda anchor: anchor[:2])),
                failed=self.failed | {outcome.key for outcome in outcomes if not outcome.ok},
                red=MappingProxyType({}) if green else self.red,
                closing=self.closing or not self._worth(place),
                again=(),
            )
        read = len(batch.reads)
        gained = sum(outcome.ok or outcome.reason is Reason.reach for outcome in outcomes)
        return replace(
            self,
            red={**self.red, **{outcome.key: outcome.light() for outcome in outcomes if not outcome.ok}},
            gains={**self.gains, read: self.gains.get(read, 0) + gained},
            again=tuple(one for one in self.again if one.id != batch.id),
        )

    def _worth(self, place: int) -> bool:
        """Whether the newest anchors before this place were worth it: weights answered as many as they are."""
        before = [anchor.place for anchor in self.anchors if anchor.place < place]
        return self.gains.get(place, 0) >= before.count(max(before, default=-1))


def families(plan: Plan, budget: int) -> tuple[Family, ...]:
    """The families of a plan."""
    by_name: dict[str, list[Program]] = {}
    for program in sorted(plan.programs, key=lambda program: program.id):
        by_name.setdefault(name_of(program), []).append(program)
    return tuple(Family(tuple(programs), budget) for _, programs in sorted(by_name.items()))


def name_of(program: Program) -> str:
    """The latent sites of a program and their shapes."""
    return ", ".join(sorted(f"{latent.name}{list(latent.shape)}" for latent in program.sites.latents))


def next_anchors(family: Family, plan: Plan, count: int) -> list[str]:
    """The red universes to be sampled next: the worst, and of its program those that share the fewest options with it.

    Of one program, since NUTS compiles each, and samples a block of it at a time.
    """
    open_to = family.members(key for key in family.red if key in plan.todo and key not in family.failed)
    left = sorted(open_to, key=lambda key: (-_badness(family.red[key]), key))
    left = [key for key in left if open_to[key] is open_to[left[0]]]
    return sorted(_spread([], left, plan, count))


def beside(first: str, todo: Mapping[str, Program], family: Family, plan: Plan) -> list[str]:
    """The first universe to be sampled, and some unlike it in the same program: NUTS samples a block at a time."""
    program = todo[first]
    left = [key for key, its in todo.items() if its is program and key != first and key not in family.failed]
    return sorted(_spread([first], left, plan, min(ANCHORS_A_ROUND, family.budget - family.tried)))


def _spread(picked: Sequence[str], left: Sequence[str], plan: Plan, count: int) -> list[str]:
    """`count` universes, those picked already first, each sharing the fewest options with those before it."""
    found, rest = list(picked), list(left)
    while rest and len(found) < count:
        apart = [min((_apart(plan, key, other) for other in found), default=0) for key in rest]
        found.append(rest.pop(apart.index(max(apart))))
    return found


def _badness(outcome: Outcome) -> float:
    """k-hat; what no anchor reaches is worse than any."""
    khat = outcome.diagnostics.get("khat", float("nan"))
    return float("inf") if outcome.reason is Reason.reach or khat != khat else khat


def _apart(plan: Plan, one: str, other: str) -> int:
    """In how many decisions two universes differ."""
    a, b = plan.universes[one], plan.universes[other]
    return sum(a[name] != b.get(name) for name in a) + sum(name not in a for name in b)
