"""A trained network as a source of answers: thousands of simulated data sets in seconds, over the whole space.

A data set is leaves, so those that were simulated go through the program that the network answers universes with, block
by block; it is compiled once for each program of the study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from multiverse.answering.network import Network
from multiverse.answering.trained import Trained
from multiverse.calibrating.answer import Answer
from multiverse.engines.amortized.answer import Drawn
from multiverse.engines.amortized.disagreement import disagreement
from multiverse.engines.amortized.given_globals import why_short
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.gate import Verdict, WeightsGate
from multiverse.engines.outcome import Reason
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import importance_ess, normalised
from multiverse.identity.keys import rng_words
from multiverse.planning.program import Program
from multiverse.planning.row_axes import row_axes, without_padding
from multiverse.planning.simulated_plan import SimulatedPlan
from multiverse.progress import Progress

RAW: Final = "network"  # draws of the network as they are, which nothing has judged
CORRECTED: Final = "network, corrected"  # the same with their importance weights, judged by the gate of the run
DRAWS: Final = 1000  # of a data set, at most; with 8,000 data sets the weights of 500 are seen to be biased
BLOCK: Final = 64  # data sets of one compiled call, which holds their draws in memory


class _At(NamedTuple):
    """Simulated data sets of one program, and who answers them. own: the program that they were simulated from."""

    program: Program
    own: Program
    network: Trained
    place: int
    sites: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class NetworkSource:
    """The answers of a trained network, without its correction by weights and with it; a `Source`.

    Of a study that only simulates there are no weights, and what the network says stands alone. draws: of each data
    set. No distance is asked for: the data are such as the model simulates. What no network has learnt is left out.
    """

    network: Network
    draws: int = DRAWS
    _gate: WeightsGate = field(init=False, repr=False)

    def __post_init__(self) -> None:
        engine = self.network.engine
        fewer = self.draws / engine.draws  # of the draws of the run: so much less ESS is asked for, too
        object.__setattr__(self, "_gate", WeightsGate(engine.gate.khat_max, fewer * engine.gate.ess_min))

    def ready(self, simulated: SimulatedPlan, progress: Progress) -> None:
        """Compile what answers these data sets; all that takes long before the first of them."""
        some = self._places(simulated)
        with progress("compiling", len(some), "programs") as advance:
            for at in some:
                self._drawn(at, list(at.program.members)[:1])
                advance()

    def __call__(self, simulated: SimulatedPlan, progress: Progress) -> Iterator[Answer]:
        """Two answers a data set, or one where no density is known."""
        with progress("answering", len(simulated), "data sets") as advance:
            for at in self._places(simulated):
                keys = list(at.program.members)
                rows = row_axes(at.own, next(iter(at.own.members)))
                for i in range(0, len(keys), BLOCK):
                    part = keys[i : i + BLOCK]
                    yield from self._told(simulated, at, part, self._drawn(at, part), rows)
                    advance(len(part))

    def _places(self, simulated: SimulatedPlan) -> list[_At]:
        found = []
        for program in simulated.plan.programs:
            own = simulated.of.program_of[simulated.origins[next(iter(program.members))].universe]
            if (held := self.network.holder(own)) is not None:
                seen = sites_to_see(Batch("", program, (), simulated.plan.wanted))
                found.append(_At(program, own, *held, seen))
        return found

    def _drawn(self, at: _At, keys: Sequence[str]) -> Drawn:
        """Draws for a block, filled up with copies of its first data set."""
        import jax

        engine = self.network.engine
        filled = [*keys, *[keys[0]] * (BLOCK - len(keys))]
        words = np.array([rng_words(engine.seed, key, 1) for key in filled], np.uint32)
        with jax.enable_x64(engine.dtype == "float64"):
            leaves = at.program.gather(filled, engine.dtype)
            return at.network.learner.draw(at.network.weights, at.place, at.sites, leaves, words, self.draws)

    def _told(
        self, simulated: SimulatedPlan, at: _At, keys: Sequence[str], drawn: Drawn, rows: Mapping[str, tuple[int, ...]]
    ) -> Iterator[Answer]:
        known = at.program.kind == "model"
        khat, smoothed = smooth(drawn.log_weights[: len(keys)].astype(np.float64))
        ess = importance_ess(normalised(smoothed))
        for i, key in enumerate(keys):
            kept = at.program.members[key].rows_kept
            sites = {
                name: without_padding(values[i], rows.get(name, ()), kept, before=1)
                for name, values in drawn.sites.items()
            }
            draws = simulated.draws(key, sites, drawn.log_likelihood[i] if known else None)
            raw = Answer(key, draws, RAW, engine=self.network.engine.name, ess=float(self.draws))
            if not known:
                apart = disagreement(drawn.u[i].astype(np.float64), drawn.member[i])
                # Whether it is calibrated is what is asked here: no reason to leave anything out.
                yield _judged(raw, self.network.engine.gate.unverified(1.0, apart))
                continue
            yield raw
            numbers = {"khat": float(khat[i]), "importance_ess": float(ess[i]), "ess_tail_min": float(ess[i])}
            weighed = raw._replace(answers=CORRECTED, log_weights=smoothed[i], ess=None)
            if not np.isfinite(ess[i]):
                weighed = weighed._replace(draws={}, log_weights=None)
            short = why_short(float(drawn.short[i]))
            verdict = Verdict(Reason.mode, short) if short else self._gate.judge(numbers, draws=self.draws)
            yield _judged(weighed, verdict)


def _judged(answer: Answer, verdict: Verdict) -> Answer:
    return answer._replace(ok=not verdict.reason, reason=verdict.reason.name if verdict.reason else "")
