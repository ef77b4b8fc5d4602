"""One block of universes by the nested engine: search modes of the globals, draw in rounds, weigh, judge.

Where the weights of Gaussian locals cannot be relied on, a universe is tried again at once with heavier tails and more
care for the modes of its locals.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.laplace.proposal import NoProposal
from multiverse.engines.laplace.undrawn import modes_missed, without_draws
from multiverse.engines.nested.block import Near, NestedBlock, Proposed
from multiverse.engines.nested.mode import Modes, generator, search_modes
from multiverse.engines.nested.rounds import Component, adapted, draw_globals, draw_noise, log_weights
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.weighing.judge import WeightedDraws, judge_weighted

if TYPE_CHECKING:
    from multiverse.engines.nested.engine import NestedLaplace

FIRST_DRAW: Final = 1000  # number of the first random stream of draws; those before it are for starts
RETRIED: Final = frozenset({Reason.khat, Reason.ess})  # what heavier tails may mend
STOPPED: Final = "before all its draws were made"
SHORT: Final = "locals_short"  # diagnostic: the share of draws whose locals were not followed to their mode
SHORT_MAX: Final = 0.005  # of the draws whose locals were not followed to their mode: as much mass may be missed unseen


class Try(NamedTuple):
    """How a universe is tried. heavy: locals come from a t instead of a Gaussian. within: `settle`'s, for their modes.

    more: how many times the draws that were asked for are made, of which as many are kept.
    """

    heavy: bool
    within: float
    more: int


FIRST: Final = Try(
    heavy=False, within=3.0, more=1
)  # a step from so near suffices for weights: exact if locals are normal
HEAVY: Final = Try(heavy=True, within=0.1, more=3)


def fit_block(run: NestedBlock, batch: Batch, keys: Sequence[str], settings: NestedLaplace) -> dict[str, Outcome]:
    """An outcome for each key, at most as many as the block holds, by key."""
    began = time.perf_counter()
    limit = batch.wanted.time_limit
    stop = np.inf if limit is None else began + limit * len(keys)
    _, words, leaves = block_arguments(batch, keys, seed=settings.seed, dtype=settings.dtype)
    modes = search_modes(run, words, leaves, settings, asked=len(keys), stop=lambda: time.perf_counter() > stop)
    outcomes: dict[str, Outcome] = {}
    for key, end in zip(keys, modes.ended, strict=True):
        if isinstance(end, NoProposal):
            outcomes[key] = without_draws(batch, key, end, late=time.perf_counter() > stop, stopped=STOPPED)
    todo = [i for i, key in enumerate(keys) if key not in outcomes]
    for tried in (FIRST, HEAVY):
        if not todo or time.perf_counter() > stop:
            break
        drawn = _draw(run, words, leaves, modes, todo, tried, settings)
        for key, outcome in _judged(batch, [keys[i] for i in todo], modes, todo, drawn, settings).items():
            outcomes[key] = _better(_thinned(outcome, tried.more), outcomes.get(key))
        todo = [i for i in todo if outcomes[keys[i]].reason in RETRIED]
    for key in keys:
        if key not in outcomes:
            outcomes[key] = without_draws(batch, key, NoProposal(Reason.mode, ""), late=True, stopped=STOPPED)
    seconds = (time.perf_counter() - began) / len(keys)
    return {key: replace(outcome, seconds=seconds) for key, outcome in outcomes.items()}


def _draw(
    run: NestedBlock,
    words: np.ndarray,
    leaves: Mapping[str, np.ndarray],
    modes: Modes,
    todo: Sequence[int],
    tried: Try,
    settings: NestedLaplace,
) -> WeightedDraws:
    """The weighted draws of these universes, all rounds of each."""
    import jax

    universes, draws, dtype = len(words), settings.draws_a_round, settings.dtype
    count, size = run.hierarchy.globals, run.hierarchy.locals
    asked = np.zeros(universes, bool)
    asked[list(todo)] = True
    near = Near(*(part.astype(dtype) for part in modes.near))
    walks = {i: _Walk([Component(modes.proposal(i).mode, modes.proposal(i).root)], [], []) for i in todo}
    seen: list[Proposed] = []
    rounds = settings.rounds * tried.more
    for number in range(rounds):
        g, noise = np.zeros((universes, draws, count)), np.zeros((universes, draws, size))
        log_noise = np.zeros((universes, draws))
        for i, walk in walks.items():
            random = generator(words[i], FIRST_DRAW + number + (settings.rounds if tried.heavy else 0))
            g[i] = draw_globals(random, walk.components[-1], draws)
            noise[i], log_noise[i] = draw_noise(random, draws, size, heavy=tried.heavy)
        found = run.propose(asked, leaves, g.astype(dtype), noise.astype(dtype), near, np.asarray(tried.within, dtype))
        found = jax.tree.map(lambda values: np.asarray(values)[list(todo)], found)
        seen.append(found)
        for place, (i, walk) in enumerate(walks.items()):
            walk.g.append(g[i])
            log_local = log_noise[i] + found.log_det[place].astype(np.float64) / 2
            walk.log_ratio.append(-found.weighed[place].astype(np.float64) - log_local)
            if number + 1 < rounds:
                walk.components.append(adapted(walk.components[-1], *walk.weighed()))
    offsets = [generator(words[i], FIRST_DRAW - 1).uniform() for i in todo]
    # Each round has its near draws first: in that order they would look like a chain that hardly mixes.
    orders = [generator(words[i], FIRST_DRAW - 2).permutation(rounds * draws) for i in todo]

    def mixed(values: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([value[order] for value, order in zip(values, orders, strict=True)])

    def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
        return mixed(np.concatenate(parts, axis=1))

    return WeightedDraws(
        {name: joined([part.sites[name] for part in seen]) for name in seen[0].sites},
        joined([part.log_prior for part in seen]),
        joined([part.log_likelihood for part in seen]),
        -joined([part.potential for part in seen]),
        mixed([walk.weighed()[1] for walk in walks.values()]),
        np.array(offsets),
        {
            "newton_steps": modes.steps[list(todo)].astype(np.float64),
            "modes": np.array([float(modes.proposal(i).modes) for i in todo]),
            "heavy_locals": np.full(len(todo), float(tried.heavy)),
            SHORT: np.concatenate([part.short for part in seen], axis=1).mean(axis=1),
        },
    )


class _Walk(NamedTuple):
    """The rounds of one universe: the component of each, its draws of the globals, their log joint minus log locals."""

    components: list[Component]
    g: list[Floats]
    log_ratio: list[Floats]

    def weighed(self) -> tuple[Floats, Floats]:
        """All draws of the globals until now, and their log weights."""
        g, log_ratio = np.concatenate(self.g), np.concatenate(self.log_ratio)
        return g, log_weights(self.components, g, log_ratio)


def _judged(
    batch: Batch, keys: Sequence[str], modes: Modes, todo: Sequence[int], drawn: WeightedDraws, settings: NestedLaplace
) -> dict[str, Outcome]:
    wrong = modes_missed(keys, [modes.proposal(i) for i in todo], drawn.log_weights)
    for key, share in zip(keys, drawn.diagnostics[SHORT], strict=True):
        if share > SHORT_MAX:
            message = f"the mode of the locals was not reached in {share:.2g} of the draws of the globals"
            wrong.setdefault(key, Failure(Reason.mode, message))
    return judge_weighted(batch, keys, drawn, settings.gate, wrong)


def _thinned(outcome: Outcome, more: int) -> Outcome:
    """Every so-many-th draw is kept: of a systematic resample, a systematic resample."""
    return replace(outcome, draws={name: values[:, ::more] for name, values in outcome.draws.items()})


def _better(new: Outcome, old: Outcome | None) -> Outcome:
    """The one to keep of two tries at a universe."""
    if old is None or new.ok:
        return new
    khat = new.diagnostics["khat"], old.diagnostics["khat"]
    return old if math.isfinite(khat[1]) and not khat[0] < khat[1] else new
