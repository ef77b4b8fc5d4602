"""Which universe of a family is sampled first: the one whose prior, and then whose likelihood, is the widest.

An anchor narrower than its target never sees the tails of it. Priors are compared by where they would put each other's
draws: the widest is the one whose region of highest density holds most of the draws from the priors of all. Among
universes with that prior, the one whose log likelihood differs least between these draws has the widest posterior.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from multiverse.engines.reweight.density import Densities, Draws
from multiverse.engines.reweight.reach import prior_low
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.reweight.engine import Reweight

LOOKED_AT: Final = 64  # distinct priors, and distinct likelihoods, at most: each costs some thousand log densities
ALIKE: Final = 0.02  # of the pooled draws: priors that hold as much of them are equally wide
MIDDLE: Final = (0.25, 0.75)  # between these quantiles a log likelihood is measured: its ends are of the far tails


def widest(candidates: Mapping[str, Program], settings: Reweight) -> str:
    """The key of the widest of some universes, by key with their programs."""
    draws = settings.draws
    by_program = {program.id: program for program in candidates.values()}
    densities = {name: Densities(program, draws, settings.dtype) for name, program in by_program.items()}
    of = {key: densities[program.id] for key, program in candidates.items()}
    priors = _some({of[key].prior_of(key): key for key in sorted(candidates, reverse=True)})
    pool = _pool([of[key].points(key) for key in priors.values()], draws)
    held: dict[str, float] = {}
    for prior, key in priors.items():
        held[prior] = float((of[key].log_prior(key, pool) >= prior_low(of[key], key, draws)).mean())
    wide = {prior for prior, share in held.items() if share >= max(held.values()) - ALIKE}
    left = [key for key in sorted(candidates) if of[key].prior_of(key) in wide]
    likelihoods = _some({of[key].likelihood_of(key): key for key in reversed(left)})
    return min(likelihoods.values(), key=lambda key: (_spread(of[key], key, pool), key))


def _some(by_name: Mapping[str, str]) -> dict[str, str]:
    """At most `LOOKED_AT` of them, chosen by their hashes."""
    chosen = sorted(by_name, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:LOOKED_AT]
    return {name: by_name[name] for name in chosen}


def _pool(points: list[Draws], draws: int) -> Draws:
    """So many draws from all priors together, as many of each."""
    half = draws // 2
    each = np.resize(np.arange(len(points)), draws)
    nth = np.arange(draws) // len(points) % half
    sites = {
        name: np.stack([points[i].sites[name][j] for i, j in zip(each, nth, strict=True)]) for name in points[0].sites
    }
    digest = hashlib.sha256(b"".join(values.tobytes() for _, values in sorted(sites.items()))).hexdigest()
    return Draws(f"pool {digest}", sites)


def _spread(densities: Densities, key: str, pool: Draws) -> float:
    """How much the log likelihood differs between draws, in nats: between its quartiles, where it is finite."""
    values = densities.log_likelihood(key, pool)
    values = values[np.isfinite(values) & np.isfinite(densities.log_prior(key, pool))]
    return float(np.subtract(*np.quantile(values, MIDDLE[::-1]))) if values.size else np.inf
