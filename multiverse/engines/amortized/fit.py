"""What is done with a batch of the amortized engine: a segment of training, or answers from a network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from multiverse.engines.amortized.disagreement import disagreement
from multiverse.engines.amortized.distance import SIMULATED, p_values
from multiverse.engines.amortized.family import Family, why_not_learnt
from multiverse.engines.amortized.given_globals import why_short
from multiverse.engines.amortized.learner import CONSTANT, Learner, make_learner
from multiverse.engines.amortized.learning import (
    CALIBRATION,
    LOSS,
    RECENT,
    SIMULATIONS,
    STEPS,
    TRAINING,
    content_of,
    diverged,
    left_out,
)
from multiverse.engines.amortized.network import Weights
from multiverse.engines.amortized.trial import tried
from multiverse.engines.compiled import Once
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.short_chains.begin import Approximation
from multiverse.engines.short_chains.sample import sample_from
from multiverse.engines.weighing.judge import WeightedDraws, judge_weighted
from multiverse.engines.weighing.psis import Smoothed
from multiverse.identity.keys import rng_words
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.amortized.engine import Amortized

DISTANCE: Final = "distance_p"  # diagnostic: the share of simulated data sets that are as far from all as the data
DISAGREEMENT: Final = "disagreement"  # diagnostic: how far networks of the ensemble are apart, in posterior sds
DENSITY_KNOWN: Final = "density_known"  # diagnostic: 0 where no density vouches for the answer
DRAWS: Final = "draws"  # handed on by universes that escalate: draws of the network, in the coordinates of the family
LOG_WEIGHTS: Final = "log_weights"
# What exact draws mend; data too far are to be looked at.
ESCALATED: Final = frozenset({Reason.khat, Reason.ess, Reason.mode})
OF_WEIGHTS: Final = frozenset({"khat", "importance_ess", "log_marginal", "log_marginal_mcse", "log_density_mean"})

_LEARNERS = Once()


def declined(batch: Batch, settings: Amortized) -> tuple[Outcome, ...]:
    """Universes of a program that no network can learn, with the reason."""
    why = why_not_learnt(batch.program, tuned=settings.tuning is not None)
    return tuple(Outcome(key, Reason.structure, why, attempt=batch.attempt) for key in batch.keys)


def trained(batch: Batch, given: Mapping[str, tuple[Outcome, ...]], settings: Amortized) -> tuple[Outcome, ...]:
    """The carrier's outcome: what the network says of it after a further segment, and the network, handed on."""
    began = time.perf_counter()
    before = given[batch.reads[0]][0].handed if batch.reads else None
    learner = learner_of(batch, settings, before)
    start = learner.begin() if before is None else learner.taken(before)
    checkpoint, losses = learner.segment(start)
    dropped, looked_at = checkpoint.dropped - start.dropped, learner.looked_at(checkpoint.step - start.step)
    if why := left_out(dropped, looked_at) or diverged(losses, start.step, settings.training):
        seconds = time.perf_counter() - began
        return (Outcome(batch.keys[0], Reason.not_finite, why, attempt=batch.attempt, final=False, seconds=seconds),)
    recent = losses[-RECENT:]
    numbers = {
        STEPS: float(checkpoint.step),
        SIMULATIONS: float(settings.training.simulations or checkpoint.step * settings.training.batch),
        LOSS: float(recent[np.isfinite(recent)].mean()),
        **tried(learner, checkpoint.average, batch, settings),
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
            family, settings.size, settings.training, settings.unlabelled(family), settings.seed, constants or None
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
    for key, share in zip(keys, drawn.short, strict=False):
        if why := why_short(float(share)):
            wrong.setdefault(key, Failure(Reason.mode, why))
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


def place_of(family: Family, batch: Batch) -> int:
    """The place of a batch's program in its family."""
    return [program.id for program in family.programs].index(batch.program.id)
