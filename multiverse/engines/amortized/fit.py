"""What is done with a batch of the amortized engine: a segment of training, or answers from a network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from multiverse.engines.amortized.calibration import calibration_p
from multiverse.engines.amortized.disagreement import disagreement
from multiverse.engines.amortized.distance import SIMULATED, p_values
from multiverse.engines.amortized.family import Family, why_not_learnt
from multiverse.engines.amortized.learner import CONSTANT, Learner, make_learner
from multiverse.engines.amortized.learning import (
    CALIBRATION,
    HELD_OUT_ESS,
    HELD_OUT_GREEN,
    LOSS,
    SIMULATIONS,
    STEPS,
    TRAINING,
    content_of,
)
from multiverse.engines.amortized.network import Weights
from multiverse.engines.compiled import Once
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.short_chains.begin import Approximation
from multiverse.engines.short_chains.sample import sample_from
from multiverse.engines.weighing.judge import WeightedDraws, judge_weighted
from multiverse.engines.weighing.psis import Smoothed, smooth
from multiverse.engines.weighing.weighted import importance_ess, normalised
from multiverse.identity.keys import rng_words
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.amortized.engine import Amortized

HELD_OUT: Final = (
    128  # simulations that a network is tried on after a segment: a share has an error of 2 points at 0.95
)
DISTANCE: Final = "distance_p"  # diagnostic: the share of simulated data sets that are as far from all as the data
DISAGREEMENT: Final = "disagreement"  # diagnostic: how far networks of the ensemble are apart, in posterior sds
DENSITY_KNOWN: Final = "density_known"  # diagnostic: 0 where no density vouches for the answer
DRAWS: Final = "draws"  # handed on by universes that escalate: draws of the network, in the coordinates of the family
LOG_WEIGHTS: Final = "log_weights"
ESCALATED: Final = frozenset({Reason.khat, Reason.ess})  # what exact draws mend; data too far are to be looked at
OF_WEIGHTS: Final = frozenset({"khat", "importance_ess", "log_marginal", "log_marginal_mcse", "log_density_mean"})
RECENT: Final = 50  # steps whose mean is the loss of a segment

_LEARNERS = Once()


def declined(batch: Batch) -> tuple[Outcome, ...]:
    """Universes of a program that no network can learn, with the reason."""
    why = why_not_learnt(batch.program)
    return tuple(Outcome(key, Reason.structure, why, attempt=batch.attempt) for key in batch.keys)


def trained(batch: Batch, given: Mapping[str, tuple[Outcome, ...]], settings: Amortized) -> tuple[Outcome, ...]:
    """The carrier's outcome: what the network says of it after a further segment, and the network, handed on."""
    began = time.perf_counter()
    before = given[batch.reads[0]][0].handed if batch.reads else None
    learner = learner_of(batch, settings, before)
    start = learner.begin() if before is None else learner.taken(before)
    checkpoint, losses = learner.segment(start)
    numbers = {
        STEPS: float(checkpoint.step),
        SIMULATIONS: float(settings.training.simulations or checkpoint.step * settings.training.batch),
        LOSS: float(losses[-RECENT:].mean()),
        **held_out(learner, checkpoint.average, batch, settings),
    }
    (outcome,) = answer_block(learner, checkpoint.average, batch, batch.keys, settings, numbers[CALIBRATION])
    return (
        replace(
            outcome,
            final=False,
            diagnostics={**outcome.diagnostics, **numbers},
            handed=learner.handed(checkpoint),
            seconds=time.perf_counter() - began,
        ),
    )


def answered(batch: Batch, given: Mapping[str, tuple[Outcome, ...]], settings: Amortized) -> tuple[Outcome, ...]:
    """An outcome for each key of a batch, in order."""
    (segment,) = given[batch.reads[0]]
    if not segment.handed:
        why = f"their network could not be trained: {segment.message}"
        return tuple(
            Outcome(key, segment.reason, why, traceback=segment.traceback, attempt=batch.attempt) for key in batch.keys
        )
    arrays = segment.handed
    learner = learner_of(batch, settings, arrays)
    weights = learner.taken(arrays).average
    parts = [batch.keys[i : i + batch.block] for i in range(0, len(batch), batch.block)]
    calibrated = segment.diagnostics[CALIBRATION]
    return tuple(o for part in parts for o in answer_block(learner, weights, batch, part, settings, calibrated))


def learner_of(batch: Batch, settings: Amortized, arrays: Mapping[str, np.ndarray] | None) -> Learner:
    """The network of a batch in this process."""
    family = Family("", tuple(program for _, program in sorted(batch.beside.items())))
    constants = {
        name.removeprefix(CONSTANT): value for name, value in (arrays or {}).items() if name.startswith(CONSTANT)
    }
    content = content_of(family, settings.learnt)
    found: Learner = _LEARNERS.get(
        content,
        lambda: make_learner(
            family, settings.size, settings.training, settings.consistency, settings.seed, constants or None
        ),
    )
    return found


def answer_block(
    learner: Learner,
    weights: Weights,
    batch: Batch,
    keys: Sequence[str],
    settings: Amortized,
    calibrated: float,
    program: Program | None = None,
    instead: Mapping[str, np.ndarray] | None = None,
) -> tuple[Outcome, ...]:
    """Outcomes of universes of one block, at most as many as it holds. calibrated: p-value of the network.

    program: that of the batch, opened, where these universes are none that the network learnt from. instead: leaves
    that the network is told in place of theirs.
    """
    import jax

    began = time.perf_counter()
    place = place_of(learner.subject.family, batch)
    program = program or learner.subject.family.opened[place].program
    filled = [*keys, *[keys[0]] * (batch.block - len(keys))]
    words = np.array([rng_words(settings.seed, key, batch.attempt) for key in filled], np.uint32)
    with jax.enable_x64(settings.dtype == "float64"):
        leaves = program.gather(filled, settings.dtype)
        drawn = learner.draw(weights, place, sites_to_see(batch), leaves, words, settings.draws, instead)
    apart = [disagreement(drawn.u[i].astype(np.float64), drawn.member[i]) for i in range(len(keys))]
    numbers, wrong = {DISAGREEMENT: np.array(apart)}, {}
    if settings.gate.distance_level:
        near = p_values(learner.summaries(place, program.gather(filled, "float32"), words)[: len(keys)])
        numbers[DISTANCE] = near
        for key, p_value in zip(keys, near, strict=True):
            if why := settings.gate.too_far(float(p_value), SIMULATED):
                wrong[key] = Failure(Reason.distance, why)
    here = slice(len(keys))
    offsets = np.array([np.random.Generator(np.random.Philox(key=pair.astype(np.uint64))).uniform() for pair in words])
    weighed = WeightedDraws(
        {name: values[here] for name, values in drawn.sites.items()},
        drawn.log_prior[here],
        drawn.log_likelihood[here],
        -drawn.potential[here].astype(np.float64),
        drawn.log_weights[here].astype(np.float64),
        offsets[here],
        numbers,
    )
    if program.kind == "simulator":
        return unverified(batch, keys, weighed, wrong, settings, calibrated, began)
    outcomes = judge_weighted(batch, keys, weighed, settings.gate, wrong)
    seconds = (time.perf_counter() - began) / len(keys)
    judged = []
    for i, key in enumerate(keys):
        outcome = replace(outcomes[key], seconds=seconds)
        if settings.escalate is not None and outcome.reason in ESCALATED and batch.purpose != TRAINING:
            handed = {DRAWS: drawn.z[i].astype(np.float64), LOG_WEIGHTS: drawn.log_weights[i].astype(np.float64)}
            outcome = replace(outcome, final=False, handed=handed)
        judged.append(outcome)
    return tuple(judged)


def chained(batch: Batch, given: Mapping[str, tuple[Outcome, ...]], settings: Amortized) -> tuple[Outcome, ...]:
    """Outcomes of universes whose weights cannot be relied on: many short chains, from the draws of the network."""
    if settings.escalate is None:
        raise ValueError("these settings do not escalate")
    handed = {o.key: o.handed for outcomes in given.values() for o in outcomes if DRAWS in o.handed}
    draws = {key: Approximation(handed[key][DRAWS], handed[key][LOG_WEIGHTS]) for key in batch.keys}
    found = sample_from(batch, draws, settings.escalate, settings.seed)
    return tuple(replace(found[key], escalated=batch.escalated.get(key, "")) for key in batch.keys)


def unverified(
    batch: Batch,
    keys: Sequence[str],
    drawn: WeightedDraws,
    wrong: Mapping[str, Failure],
    settings: Amortized,
    calibrated: float,
    began: float,
) -> tuple[Outcome, ...]:
    """Outcomes of universes without a density: draws of the network as they are, judged by all that is left."""
    found = dict(wrong)
    for key, apart in zip(keys, drawn.diagnostics[DISAGREEMENT], strict=True):
        verdict = settings.gate.unverified(calibrated, float(apart))
        if verdict.reason:
            found.setdefault(key, Failure(*verdict))
    alike = np.zeros_like(drawn.log_weights)
    unknown = np.full_like(drawn.log_likelihood, np.nan)
    whole = drawn._replace(
        log_likelihood=unknown, log_weights=alike, smoothed=Smoothed(np.zeros(len(keys)), alike), whole=False
    )
    outcomes = judge_weighted(batch, keys, whole, settings.gate, found)
    seconds = (time.perf_counter() - began) / len(keys)
    told = []
    for key in keys:
        numbers = {n: value for n, value in outcomes[key].diagnostics.items() if n not in OF_WEIGHTS}
        numbers |= {CALIBRATION: calibrated, DENSITY_KNOWN: 0.0}
        told.append(replace(outcomes[key], diagnostics=numbers, seconds=seconds))
    return tuple(told)


def held_out(learner: Learner, weights: Weights, batch: Batch, settings: Amortized) -> dict[str, float]:
    """How a network does on simulations that it never saw: calibration, share with reliable weights, median ESS."""
    import jax

    family = learner.subject.family
    khats: list[np.ndarray] = []
    shares: list[np.ndarray] = []
    truths: list[np.ndarray] = []
    drawn_z: list[np.ndarray] = []
    for place, count in enumerate(learner.subject.shares(HELD_OUT)):
        words = np.array(rng_words(settings.seed, f"{place:032x}", 0), np.uint32)
        whole = -(-count // batch.block) * batch.block
        simulated, z = learner.held_out(place, whole, words)
        truths.append(z)
        sites = sites_to_see(replace(batch, program=family.programs[place]))
        for i in range(0, whole, batch.block):
            leaves: dict[str, Any] = {path: leaf[i : i + batch.block] for path, leaf in simulated.items()}
            with jax.enable_x64(settings.dtype == "float64"):
                cast = {p: a.astype(settings.dtype) if a.dtype.kind == "f" else a for p, a in leaves.items()}
                each = np.stack([words + np.uint32(i + j) for j in range(batch.block)])
                drawn = learner.draw(weights, place, sites, cast, each, settings.draws)
            khat, smoothed = smooth(drawn.log_weights.astype(np.float64))
            khats.append(khat)
            shares.append(importance_ess(normalised(smoothed)) / settings.draws)
            drawn_z.append(drawn.z)
    calibrated = calibration_p(np.concatenate(truths), np.concatenate(drawn_z))
    if family.programs[0].kind == "simulator":
        return {CALIBRATION: calibrated}
    khat, share = np.concatenate(khats), np.concatenate(shares)
    return {
        HELD_OUT_GREEN: float((khat < settings.gate.khat_bound(settings.draws)).mean()),
        HELD_OUT_ESS: float(np.median(np.nan_to_num(share))),
        CALIBRATION: calibrated,
    }


def place_of(family: Family, batch: Batch) -> int:
    """The place of a batch's program in its family."""
    return [program.id for program in family.programs].index(batch.program.id)
