"""Anchors: universes that were sampled, what they hand on, and the mixture of all of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.mbar import Mixture, mixture
from multiverse.engines.outcome import SITE, DrawsName, Outcome
from multiverse.engines.reweight_density import Densities, Draws
from multiverse.engines.reweight_reach import prior_low
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.reweight import Reweight

PLACE: Final = "place"  # handed on: how many batches of anchors were sampled before
PRIOR_LOW: Final = "log_prior_low"  # handed on: log prior at the edge of the region that holds nearly all of the prior
LOG_PRIOR, LOG_LIKELIHOOD = "log_prior", "log_likelihood"  # handed on: at its own draws

MIXTURES_HELD: Final = 8  # of a process; one for each family and round is in use

_MIXTURES: dict[tuple[str, ...], Mixture] = {}
_GUARD = threading.Lock()


@dataclass(frozen=True, eq=False)
class Anchor:
    """A sampled universe. place: of its batch among those of its family, from 0. prior_low: see `reweight_reach`."""

    key: str
    program: Program
    place: int
    draws: Draws
    log_prior: Floats
    log_likelihood: Floats
    prior_low: float


def sample(batch: Batch, before: Sequence[Anchor], settings: Reweight) -> tuple[Outcome, ...]:
    """The outcomes of NUTS for a batch of anchors, with what they hand on: latent draws and their log densities.

    before: the anchors of the rounds before. One that does not pass the gate of NUTS is red, and asked again from the
    draws of others.
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


def anchors_in(given: Mapping[str, Sequence[Outcome]], programs: Mapping[str, Program]) -> list[Anchor]:
    """The anchors among outcomes by batch, in the order in which they were sampled. programs: of each batch."""
    return sorted(
        (_anchor(f"{batch}/{outcome.key}", outcome.key, outcome.handed, programs[batch])
        for batch, outcomes in given.items()
        for outcome in outcomes
        if outcome.ok and PLACE in outcome.handed),
        key=lambda anchor: (anchor.place, anchor.key),
    )


def _anchor(identity: str, key: str, handed: Mapping[str, np.ndarray], program: Program) -> Anchor:
    sites = {latent.name: handed[str(DrawsName(SITE, latent.name))] for latent in program.sites.latents}
    return Anchor(
        key,
        program,
        int(handed[PLACE]),
        Draws(identity, sites),
        handed[LOG_PRIOR].astype(np.float64),
        handed[LOG_LIKELIHOOD].astype(np.float64),
        float(handed[PRIOR_LOW]),
    )


def mixture_of(anchors: Sequence[Anchor], settings: Reweight) -> Mixture:
    """The mixture of all anchors; the last ones made are remembered."""
    name = tuple(anchor.draws.id for anchor in anchors)
    with _GUARD:
        if name in _MIXTURES:
            return _MIXTURES[name]
    densities = [Densities(anchor.program, len(anchor.draws), settings.dtype) for anchor in anchors]
    for anchor, density in zip(anchors, densities, strict=True):
        density.know(anchor.key, anchor.draws, anchor.log_prior, anchor.log_likelihood)
    joint = [
        np.concatenate([density.log_joint(anchor.key, other.draws) for other in anchors])
        for anchor, density in zip(anchors, densities, strict=True)
    ]
    made = mixture(np.stack(joint), np.array([len(a.draws) for a in anchors]), settings.nuts.chains)
    with _GUARD:
        while len(_MIXTURES) >= MIXTURES_HELD:
            del _MIXTURES[next(iter(_MIXTURES))]
        return _MIXTURES.setdefault(name, made)


def _thinned(draws: np.ndarray, settings: Reweight) -> np.ndarray:
    """(draw, ...), chain after chain, of draws (chain, draw, ...): as many of each as are weighed."""
    each = settings.draws // settings.nuts.chains
    at = (np.arange(1, each + 1) * draws.shape[1]) // each - 1
    thinned: np.ndarray = draws[:, at].reshape(-1, *draws.shape[2:])
    return thinned
