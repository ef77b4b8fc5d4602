"""Universes answered from the draws of anchors: weights against the mixture of all of them, judged by k-hat."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.judge_weighted import WeightedDraws, judge_weighted
from multiverse.engines.mbar import Mixture
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.reweight_anchor import Anchor, mixture_of
from multiverse.engines.reweight_density import Densities
from multiverse.engines.reweight_reach import unreached
from multiverse.engines.weighted import normalised
from multiverse.identity.keys import rng_words

if TYPE_CHECKING:
    from multiverse.engines.reweight import Reweight

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
        drawn = _weighted(batch, keys, anchors, mix, densities, settings)
        judged = judge_weighted(batch, keys, drawn, settings.gate, wrong)
        seconds = (time.perf_counter() - began) / len(keys)
        outcomes |= {key: replace(outcome, seconds=seconds) for key, outcome in judged.items()}
    return tuple(outcomes[key] for key in batch.keys)


def unanswered(batch: Batch) -> tuple[Outcome, ...]:
    """The outcomes of universes for which there is no anchor."""
    message = "no universe with the same latent sites could be sampled: those that were tried did not pass the gate of NUTS"
    return tuple(Outcome(key, Reason.reach, message, attempt=batch.attempt) for key in batch.keys)


def _weighted(
    batch: Batch,
    keys: Sequence[str],
    anchors: Sequence[Anchor],
    mix: Mixture,
    densities: Densities,
    settings: Reweight,
) -> WeightedDraws:
    prior = np.stack([np.concatenate([densities.log_prior(key, a.draws) for a in anchors]) for key in keys])
    likelihood = np.stack([np.concatenate([densities.log_likelihood(key, a.draws) for a in anchors]) for key in keys])
    outside = prior == -np.inf
    likelihood = np.where(outside, 0.0, likelihood)
    joint = prior + likelihood
    log_weights = joint - mix.log_density
    shape = len(keys), joint.shape[1]
    latents = {latent.name for latent in batch.program.sites.latents}
    sites = {name: np.concatenate([anchor.draws.sites[name] for anchor in anchors]) for name in latents}
    seen = {name: np.broadcast_to(values, (*shape[:1], *values.shape)) for name, values in sites.items()}
    each = [[densities.deterministic(key, anchor.draws) for anchor in anchors] for key in keys]
    for name in each[0][0]:
        seen[name] = np.stack([np.concatenate([part[name] for part in parts]) for parts in each])
    weights = normalised(log_weights)
    top = log_weights.max(axis=1)
    with np.errstate(all="ignore"):
        log_z = top + np.log(np.exp(log_weights - top[:, None]).mean(axis=1))
        error = np.sqrt(mix.variance(weights, minus=0))
    told = batch.program.sites.normalised & all(anchor.program.sites.normalised for anchor in anchors[:1])
    numbers = {
        "anchors": np.full(len(keys), float(len(anchors))),
        "log_ratio": log_z if told else np.full(len(keys), np.nan),
        "log_ratio_mcse": error if told else np.full(len(keys), np.nan),
    }
    offsets = np.array([_offset(rng_words(settings.seed, key, batch.attempt)) for key in keys])
    return WeightedDraws(
        seen,
        prior,
        likelihood,
        joint,
        log_weights,
        offsets,
        numbers,
        variance=mix.variance,
        keep=settings.draws,
        whole=False,
    )


def _offset(words: tuple[int, int]) -> float:
    return float(np.random.Generator(np.random.Philox(key=np.array(words, np.uint64))).uniform())
