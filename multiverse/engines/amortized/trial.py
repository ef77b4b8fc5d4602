"""How a network does, after a segment of its training: on simulations that it never saw, and on universes at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.calibration import ranks_of, uniform_p
from multiverse.engines.amortized.gate import NetworkGate
from multiverse.engines.amortized.held_out_loss import held_out_losses
from multiverse.engines.amortized.learner import Learner
from multiverse.engines.amortized.learning import (
    CALIBRATION,
    HELD_OUT_ESS,
    HELD_OUT_GREEN,
    HELD_OUT_LOSS,
    TUNED_ESS,
    TUNED_GREEN,
)
from multiverse.engines.amortized.network import Weights
from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import importance_ess, normalised
from multiverse.identity.keys import rng_words

if TYPE_CHECKING:
    from multiverse.engines.amortized.engine import Amortized

TRIED: Final = 128  # simulations, or universes: a share has an error of 2 points at 0.95
# What a network is tried with, whatever universes are answered with: runs that differ in draws or gates share a network
# and have to see the same numbers of it. The usual draws, which most runs compile anyway.
DRAWS: Final = 2000
GATE: Final = NetworkGate()


class _Weighed(NamedTuple):
    """Of some data sets, one after the other."""

    khat: Floats  # (data set,)
    share: Floats  # (data set,) importance ESS as a share of the draws
    ranks: Floats  # (data set, dimension) of true latents among draws; NaN of universes. Draws would be gigabytes


def tried(learner: Learner, weights: Weights, batch: Batch, settings: Amortized) -> dict[str, float]:
    """Diagnostics of a segment by name: calibration, loss, and where there is a density, weights (green, ESS)."""
    simulator = learner.subject.family.programs[0].kind == "simulator"
    found = _held_out(learner, weights, batch, settings, verified=not simulator)
    if simulator or settings.tuning is None:
        return found
    return found | _on_universes(learner, weights, batch, settings)


def _held_out(
    learner: Learner, weights: Weights, batch: Batch, settings: Amortized, *, verified: bool
) -> dict[str, float]:
    losses, weighed = [], []
    for place, count in enumerate(learner.subject.shares(TRIED)):
        words = np.array(rng_words(settings.seed, f"{place:032x}", 0), np.uint32)
        whole = -(-count // batch.block) * batch.block
        leaves, z = learner.held_out(place, whole, words)
        losses.append(held_out_losses(learner, weights, place, leaves, z))
        weighed.append(_weigh(learner, weights, batch, settings, place, leaves, words, z))
    loss, all_of = np.concatenate(losses), _joined(weighed)
    found = {
        HELD_OUT_LOSS: float(loss[~np.isnan(loss)].mean()) if not np.isnan(loss).all() else float("nan"),
        CALIBRATION: uniform_p(all_of.ranks),
    }
    if not verified:
        return found
    return {HELD_OUT_GREEN: _green(all_of), HELD_OUT_ESS: _ess(all_of), **found}


def _on_universes(learner: Learner, weights: Weights, batch: Batch, settings: Amortized) -> dict[str, float]:
    """Of universes of the plan, each program's share of them; as keys are hashes a random sample."""
    weighed = []
    for place, count in enumerate(learner.subject.shares(TRIED)):
        program = learner.subject.family.opened[place].program
        # Evenly over the keys: the first ones are those that it was tuned on, where a program has many.
        every, count = sorted(program.members), min(count, len(program.members))
        keys = [every[i * len(every) // count] for i in range(count)]
        filled = [*keys, *keys[:1] * (-len(keys) % batch.block)]
        words = np.array(rng_words(settings.seed, f"{place:032x}", 1), np.uint32)
        some = _weigh(learner, weights, batch, settings, place, program.gather(filled, "float32"), words)
        weighed.append(_Weighed(*(part[: len(keys)] for part in some)))
    all_of = _joined(weighed)
    return {TUNED_GREEN: _green(all_of), TUNED_ESS: _ess(all_of)}


def _weigh(
    learner: Learner,
    weights: Weights,
    batch: Batch,
    settings: Amortized,
    place: int,
    given: Mapping[str, np.ndarray],
    words: np.ndarray,
    truths: np.ndarray | None = None,
) -> _Weighed:
    """A whole number of blocks of data sets, their leaves in float32. truths: latents, where these are known."""
    import jax

    sites = sites_to_see(replace(batch, program=learner.subject.family.programs[place]))
    found = []
    for i in range(0, len(next(iter(given.values()))), batch.block):
        leaves: dict[str, Any] = {path: leaf[i : i + batch.block] for path, leaf in given.items()}
        with jax.enable_x64(settings.dtype == "float64"):
            cast = {p: a.astype(settings.dtype) if a.dtype.kind == "f" else a for p, a in leaves.items()}
            each = np.stack([words + np.uint32(i + j) for j in range(batch.block)])
            drawn = learner.draw(weights, place, sites, cast, each, DRAWS)
        khat, smoothed = smooth(drawn.log_weights.astype(np.float64))
        truth = np.full(drawn.z[:, 0].shape, np.nan) if truths is None else truths[i : i + batch.block]
        found.append(_Weighed(khat, importance_ess(normalised(smoothed)) / DRAWS, ranks_of(truth, drawn.z)))
    return _joined(found)


def _joined(parts: Iterable[_Weighed]) -> _Weighed:
    return _Weighed(*(np.concatenate(some) for some in zip(*parts, strict=True)))


def _green(weighed: _Weighed) -> float:
    return float((weighed.khat < GATE.khat_bound(DRAWS)).mean())


def _ess(weighed: _Weighed) -> float:
    return float(np.median(np.nan_to_num(weighed.share)))
