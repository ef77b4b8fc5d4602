"""Universes answered from the draws of anchors: weights against the mixture of all of them, judged by k-hat."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.gate import WeightsGate
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.reweight.anchor import Anchor, mixture_of
from multiverse.engines.reweight.density import Densities
from multiverse.engines.reweight.families import LAST
from multiverse.engines.reweight.mbar import OVERLAP_MIN, Mixture
from multiverse.engines.reweight.ratio import ratios
from multiverse.engines.reweight.reach import unreached
from multiverse.engines.weighing.judge import WeightedDraws, judge_weighted
from multiverse.engines.weighing.psis import TAIL_SHARE, Smoothed, smooth
from multiverse.engines.weighing.weighted import importance_ess, normalised
from multiverse.identity.keys import rng_words

if TYPE_CHECKING:
    from multiverse.engines.reweight.engine import Reweight

TIED: Final = 1e-9  # nats: rounding of a log joint of thousands of nats in float64
TOGETHER: Final = 16  # universes that are weighed at once: bounds memory


def weigh(batch: Batch, anchors: Sequence[Anchor], settings: Reweight) -> tuple[Outcome, ...]:
    """An outcome for each universe of a batch, in order."""
    mix = mixture_of(anchors, settings)
    asked = batch.wanted.sites | set(batch.wanted.kept(batch.program))
    see = tuple(sorted(asked & set(batch.program.sites.deterministic)))
    densities = Densities(batch.program, settings.draws, settings.dtype, see)
    beyond: dict[str, Failure | None] = {}  # by prior
    outcomes: dict[str, Outcome] = {}
    for at in range(0, len(batch), TOGETHER):
        began = time.perf_counter()
        keys = batch.keys[at : at + TOGETHER]
        for key in keys:
            if (prior := densities.prior_of(key)) not in beyond:
                beyond[prior] = unreached(densities, key, settings.draws, anchors, settings.dtype)
        wrong = {key: failure for key in keys if (failure := beyond[densities.prior_of(key)])}
        log = _log_densities(keys, anchors, densities, mix)
        wrong = _torn(keys, log, mix) | wrong
        soon = {} if batch.purpose == LAST else _asked_again(batch, keys, log, settings.gate, wrong)
        outcomes |= soon
        if left := [i for i, key in enumerate(keys) if key not in soon]:
            some = [keys[i] for i in left]
            drawn = _weighted(batch, some, anchors, mix, densities, log.of(left), settings)
            outcomes |= judge_weighted(batch, some, drawn, settings.gate, wrong)
        seconds = (time.perf_counter() - began) / len(keys)
        outcomes |= {key: replace(outcomes[key], seconds=seconds) for key in keys}
    return tuple(outcomes[key] for key in batch.keys)


def unanswered(batch: Batch) -> tuple[Outcome, ...]:
    """The outcomes of universes for which there is no anchor."""
    message = "no universe with the same latent sites could be sampled: those tried did not pass the gate of NUTS"
    return tuple(Outcome(key, Reason.reach, message, attempt=batch.attempt) for key in batch.keys)


class _Log(NamedTuple):
    """Log densities of some universes at all draws, (universe, draw), and their weights, raw and smoothed."""

    prior: Floats
    likelihood: Floats
    weights: Floats
    smoothed: Smoothed

    def of(self, some: Sequence[int]) -> _Log:
        """Those of some universes."""
        khat, log_weights = self.smoothed
        smoothed = Smoothed(khat[some], log_weights[some])
        return _Log(self.prior[some], self.likelihood[some], self.weights[some], smoothed)


def _log_densities(keys: Sequence[str], anchors: Sequence[Anchor], densities: Densities, mix: Mixture) -> _Log:
    prior = np.stack([np.concatenate([densities.log_prior(key, a.draws) for a in anchors]) for key in keys])
    likelihood = np.stack([np.concatenate([densities.log_likelihood(key, a.draws) for a in anchors]) for key in keys])
    likelihood = np.where(prior == -np.inf, 0.0, likelihood)  # outside the support
    weights = prior + likelihood - mix.log_density
    return _Log(prior, likelihood, weights, _flat_told(weights, smooth(weights)))


def _torn(keys: Sequence[str], log: _Log, mix: Mixture) -> dict[str, Failure]:
    """The universes whose weights lie on anchors between which there are no draws: how they share is not known."""
    together = mix.held_together(normalised(log.weights))
    return {
        key: Failure(
            Reason.reach, f"{1 - part:.0%} of its mass lies on anchors that no draws link with those of the rest"
        )
        for key, part in zip(keys, together, strict=True)
        if part < 1 - OVERLAP_MIN
    }


def _flat_told(log_weights: Floats, smoothed: Smoothed) -> Smoothed:
    """k-hat of -1, as of a uniform distribution, where a fifth of the draws share the largest weight.

    Nothing can be fitted there, but nothing is wrong: a uniform prior within another, or the posterior of an anchor.
    """
    ties = (log_weights >= log_weights.max(axis=1, keepdims=True) - TIED).mean(axis=1)
    return Smoothed(np.where(np.isposinf(smoothed.khat) & (ties >= TAIL_SHARE), -1.0, smoothed.khat), smoothed[1])


def _asked_again(
    batch: Batch, keys: Sequence[str], log: _Log, gate: WeightsGate, wrong: Mapping[str, Failure]
) -> dict[str, Outcome]:
    """Those that are red already and will be asked again: nobody needs their estimates."""
    found = {}
    ess = importance_ess(normalised(log.smoothed.log_weights))
    for i, key in enumerate(keys):
        numbers = {"khat": float(log.smoothed.khat[i]), "importance_ess": float(ess[i])}
        judged = gate.judge(numbers | {"ess_tail_min": np.inf}, draws=log.weights.shape[1])
        verdict = wrong.get(key) or (judged if np.isfinite(log.weights[i].max()) else None)
        if verdict and verdict.reason:
            found[key] = Outcome(key, verdict.reason, verdict.message, diagnostics=numbers, attempt=batch.attempt)
    return found


def _weighted(
    batch: Batch,
    keys: Sequence[str],
    anchors: Sequence[Anchor],
    mix: Mixture,
    densities: Densities,
    log: _Log,
    settings: Reweight,
) -> WeightedDraws:
    latents = {latent.name for latent in batch.program.sites.latents}
    sites = {name: np.concatenate([anchor.draws.sites[name] for anchor in anchors]) for name in latents}
    seen = {name: np.broadcast_to(values, (len(keys), *values.shape)) for name, values in sites.items()}
    each = [[densities.deterministic(key, anchor.draws) for anchor in anchors] for key in keys]
    for name in each[0][0]:
        seen[name] = np.stack([np.concatenate([part[name] for part in parts]) for parts in each])
    numbers = {"anchors": np.full(len(keys), float(len(anchors)))}
    numbers |= ratios(batch.program, keys, log.weights, mix, anchors)
    offsets = np.array([_offset(rng_words(settings.seed, key, batch.attempt)) for key in keys])
    return WeightedDraws(
        seen,
        log.prior,
        log.likelihood,
        log.prior + log.likelihood,
        log.weights,
        offsets,
        numbers,
        variance=mix.variance,
        keep=settings.draws,
        whole=False,
        smoothed=log.smoothed,
    )


def _offset(words: tuple[int, int]) -> float:
    return float(np.random.Generator(np.random.Philox(key=np.array(words, np.uint64))).uniform())
