"""What earlier attempts say: how far a universe has come, and which engines a program may not trust."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from multiverse.engines.amortized.learning import TRAINING
from multiverse.engines.auto.audit import Audit
from multiverse.engines.outcome import Outcome
from multiverse.planning.program import Program

PILOT: Final = 8  # universes of a program; an engine that passes a tenth of them is left out by chance 4 times in 10
AUDIT_Z: Final = "audit_z"  # the diagnostic of an audit: see `Audited.z`

Climb = tuple[Outcome, ...]
"""Attempts at one universe, the last of which alone may be final."""


@dataclass(frozen=True)
class History:
    """All attempts at universes, by key and in order. last: the name of the engine of last resort, which audits."""

    last: str
    attempts: Mapping[str, tuple[Outcome, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def with_outcomes(self, outcomes: Iterable[Outcome]) -> History:
        """The history with these attempts too; an attempt that is there already is replaced."""
        new: dict[str, dict[int, Outcome]] = {}
        for outcome in outcomes:
            if outcome.purpose == TRAINING:
                continue  # what a network says on its way is nobody's answer
            if outcome.key not in new:
                new[outcome.key] = {old.attempt: old for old in self.attempts.get(outcome.key, ())}
            new[outcome.key][outcome.attempt] = outcome.light()
        ordered = {key: tuple(by[attempt] for attempt in sorted(by)) for key, by in new.items()}
        return replace(self, attempts={**self.attempts, **ordered})

    def everything(self) -> list[Outcome]:
        """All attempts."""
        return [outcome for attempts in self.attempts.values() for outcome in attempts]

    def since_final(self, key: str) -> Climb:
        """The attempts after the last final one: what counts for a universe that is to be answered."""
        attempts = self.attempts.get(key, ())
        final = [i for i, outcome in enumerate(attempts) if outcome.final]
        return attempts[final[-1] + 1 :] if final else attempts

    def waits_for_audit(self, climb: Climb) -> Outcome | None:
        """The green answer in a climb that is not final; None where there is none."""
        return next((o for o in reversed(climb) if o.ok and not o.final and o.engine != self.last), None)

    def audited(self) -> bool:
        """Whether some universe was ever audited, or is going to be since its answer is green."""
        return any(self.waits_for_audit(attempts) for attempts in self.attempts.values())

    def tried(self, program: Program, engine: str) -> list[Outcome]:
        """All attempts of an engine at universes of a program."""
        return [o for key in program.members for o in self.attempts.get(key, ()) if o.engine == engine]

    def why_not(self, program: Program, engine: str, audit: Audit) -> str:
        """Why an engine shall not answer more universes of a program, in words; empty where it may."""
        tried = self.tried(program, engine)
        if not tried:
            return ""
        for answer, cold in self._audits(program.members):
            if answer.engine == engine and (finding := _finding(cold, audit)):
                return f"{engine}: {finding}"
        if len({outcome.key for outcome in tried}) >= PILOT and not any(outcome.ok for outcome in tried):
            return f"{engine}: none of the first {PILOT} universes of its program passed"
        return ""

    def _audits(self, keys: Collection[str]) -> Iterator[tuple[Outcome, Outcome]]:
        """Each green answer that was audited, with the answer that is final instead, by key."""
        for key in sorted(keys):
            for climb in _climbs(self.attempts.get(key, ())):
                answer = self.waits_for_audit(climb)
                if answer is not None and climb[-1].final and climb[-1].engine == self.last:
                    yield answer, climb[-1]


def _climbs(attempts: Sequence[Outcome]) -> Iterator[Climb]:
    """Attempts at a universe, cut after each final one."""
    begun = 0
    for i, outcome in enumerate(attempts):
        if outcome.final:
            yield tuple(attempts[begun : i + 1])
            begun = i + 1
    if begun < len(attempts):
        yield tuple(attempts[begun:])


def _finding(cold: Outcome, audit: Audit) -> str:
    """What an audit has against the engine that it audited, in words; empty where nothing."""
    if not cold.ok:
        return f"an audit was red itself ({cold.reason.name})"
    z = cold.diagnostics.get(AUDIT_Z)
    if z is None or z != z:
        return "an audit had nothing to compare"
    return f"an audit found it {z:.3g} Monte Carlo standard errors off" if z > audit.z_max else ""
