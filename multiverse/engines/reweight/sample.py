"""Anchors sampled: NUTS, judged by its own gate, and what they hand on to the batches that weigh their draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import SITE, DrawsName, Outcome
from multiverse.engines.reweight.anchor import (
    LOG_LIKELIHOOD,
    LOG_PRIOR,
    PLACE,
    PRIOR_LOW,
    Anchor,
    anchors_in,
    joint_at,
    mixture_of,
)
from multiverse.engines.reweight.density import Densities, Draws
from multiverse.engines.reweight.ratio import ratios
from multiverse.engines.reweight.reach import prior_low
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.reweight.engine import Reweight


def sample(batch: Batch, settings: Reweight) -> tuple[Outcome, ...]:
    """The outcomes of NUTS for a batch of anchors, with what they hand on: latent draws and their log densities.

    One that does not pass the gate of NUTS is red, and asked again from the draws of others.
    """
    program, latents = batch.program, [latent.name for latent in batch.program.sites.latents]
    wanted = replace(batch.wanted, keep=batch.wanted.keep | frozenset(latents))
    extra = {str(DrawsName(SITE, name)) for name in set(latents) - set(batch.wanted.kept(program))}
    densities = Densities(program, settings.draws, settings.dtype)
    found = []
    for outcome in settings.sampler.fit(replace(batch, wanted=wanted), {}):
        kept = {name: draws for name, draws in outcome.draws.items() if name not in extra}
        if outcome.ok:
            sites = {name: _thinned(outcome.draws[str(DrawsName(SITE, name))], settings) for name in latents}
            at = Draws(f"{batch.id}/{outcome.key}", sites)
            handed = {str(DrawsName(SITE, name)): draws for name, draws in sites.items()} | {
                PLACE: np.array(float(len(batch.reads))),
                LOG_PRIOR: densities.log_prior(outcome.key, at),
                LOG_LIKELIHOOD: densities.log_likelihood(outcome.key, at),
                PRIOR_LOW: np.array(prior_low(densities, outcome.key, settings.draws)),
            }
            outcome = replace(outcome, handed=handed)
        found.append(replace(outcome, draws=kept, final=outcome.ok))
    return tuple(found)


def with_ratios(
    batch: Batch, outcomes: Sequence[Outcome], before: Sequence[Anchor], settings: Reweight
) -> tuple[Outcome, ...]:
    """All outcomes of a batch of anchors, with the ratios of their marginal likelihoods, which hang on all of them.

    before: the anchors of the rounds before.
    """
    new = anchors_in({batch.id: outcomes}, {batch.id: batch.program})
    told = _ratios(batch.program, new, [*before, *new], settings) if new else {}
    return tuple(replace(o, diagnostics={**o.diagnostics, **told.get(o.key, {})}) for o in outcomes)


def _ratios(
    program: Program, new: Sequence[Anchor], anchors: Sequence[Anchor], settings: Reweight
) -> dict[str, dict[str, float]]:
    """The ratios of the marginal likelihoods of new anchors, by key; that of the first one to itself is 1."""
    mix, keys = mixture_of(anchors, settings), [anchor.key for anchor in new]
    log_weights = np.stack([joint_at(anchor, anchors, settings) for anchor in new]) - mix.log_density
    found = ratios(program, keys, log_weights, mix, anchors)
    return {key: {name: float(values[i]) for name, values in found.items()} for i, key in enumerate(keys)}


def _thinned(draws: np.ndarray, settings: Reweight) -> np.ndarray:
    """(draw, ...), chain after chain, of draws (chain, draw, ...): as many of each as are weighed."""
    each = settings.draws // settings.nuts.chains
    at = (np.arange(1, each + 1) * draws.shape[1]) // each - 1
    thinned: np.ndarray = draws[:, at].reshape(-1, *draws.shape[2:])
    return thinned
