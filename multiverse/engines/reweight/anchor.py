"""Anchors: universes that were sampled, as other batches read them, and the mixture of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.outcome import SITE, DrawsName, Outcome
from multiverse.engines.reweight.density import Densities, Draws
from multiverse.engines.reweight.held import Held
from multiverse.engines.reweight.mbar import Mixture, mixture
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.reweight.engine import Reweight

PLACE: Final = "place"  # handed on: how many batches of anchors were sampled before
PRIOR_LOW: Final = "log_prior_low"  # handed on: log prior at the edge of the region that holds nearly all of the prior
LOG_PRIOR, LOG_LIKELIHOOD = "log_prior", "log_likelihood"  # handed on: at its own draws

MIXTURES_BYTES: Final = 64 << 20  # held in a process; that of 16 anchors with 1,000 draws takes 2 MiB

_MIXTURES: Held[Mixture] = Held(MIXTURES_BYTES)


@dataclass(frozen=True, eq=False)
class Anchor:
    """A sampled universe. place: of its batch among those of its family, from 0. prior_low: see `reach.prior_low`."""

    key: str
    program: Program
    place: int
    draws: Draws
    log_prior: Floats
    log_likelihood: Floats
    prior_low: float


def anchors_in(given: Mapping[str, Sequence[Outcome]], programs: Mapping[str, Program]) -> list[Anchor]:
    """The anchors among outcomes by batch, in the order in which they were sampled. programs: of each batch."""
    return sorted(
        (
            _anchor(f"{batch}/{outcome.key}", outcome.key, outcome.handed, programs[batch])
            for batch, outcomes in given.items()
            for outcome in outcomes
            if outcome.ok and PLACE in outcome.handed
        ),
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
    return _MIXTURES.get(tuple(anchor.draws.id for anchor in anchors), lambda: _mixture(anchors, settings))


def _mixture(anchors: Sequence[Anchor], settings: Reweight) -> Mixture:
    joint = np.stack([joint_at(anchor, anchors, settings) for anchor in anchors])
    return mixture(joint, np.array([len(a.draws) for a in anchors]), settings.nuts.chains)


def joint_at(anchor: Anchor, anchors: Sequence[Anchor], settings: Reweight) -> Floats:
    """The log joint of an anchor at the draws of all, (draw,)."""
    densities = Densities(anchor.program, len(anchor.draws), settings.dtype)
    densities.know(anchor.key, anchor.draws, anchor.log_prior, anchor.log_likelihood)
    return np.concatenate([densities.log_joint(anchor.key, other.draws) for other in anchors])
