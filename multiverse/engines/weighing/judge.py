"""From the weighted draws of a batch to one outcome a universe: estimates, evidence, verdict of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure, estimand_draws
from multiverse.engines.gate import WeightsGate
from multiverse.engines.judged import Kept, at_universe, judged
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.weighing.psis import Smoothed, smooth
from multiverse.engines.weighing.weighted import (
    Variance,
    evidence,
    importance_ess,
    independent,
    normalised,
    summarise_weighted,
    systematic_resample,
)
from multiverse.planning.row_axes import trim_rows


class WeightedDraws(NamedTuple):
    """Draws of several universes from proposals with a known density, `(universe, draw, ...)`.

    log_weights: log joint minus log density of the proposal, all constants kept, in nats. offsets: (universe,), uniform
    in [0, 1), of the resample. diagnostics: numbers of the engine, (universe,). variance: of sums over draws, where
    these hang together. keep: how many draws are kept, 0 for as many as there are. whole: whether the proposal is
    normalised, so that there is a marginal likelihood. smoothed: the weights, where they are smoothed already.
    """

    sites: Mapping[str, np.ndarray]
    log_prior: np.ndarray
    log_likelihood: np.ndarray
    log_joint: np.ndarray
    log_weights: Floats
    offsets: Floats
    diagnostics: Mapping[str, Floats]
    variance: Variance = independent
    keep: int = 0
    whole: bool = True
    smoothed: Smoothed | None = None


def judge_weighted(
    batch: Batch, keys: Sequence[str], drawn: WeightedDraws, gate: WeightsGate, wrong: Mapping[str, Failure]
) -> dict[str, Outcome]:
    """An outcome for each key, by key. `wrong`: what the engine found wrong with some of them, whatever their weights.

    Estimates come from all draws with their smoothed weights; the draws that are kept are a systematic resample.
    """
    program = batch.program
    sites = trim_rows(program, keys, {name: values[:, None] for name, values in drawn.sites.items()})  # one chain
    khat, log_weights = drawn.smoothed or smooth(drawn.log_weights)
    weights = normalised(log_weights)
    counts = drawn.log_weights > -np.inf
    answers, failures = [], []
    for i, key in enumerate(keys):
        answer, failure = estimand_draws(batch, key, {n: v[i] for n, v in sites.items()}, counts[i][None])
        answers.append(answer)
        failures.append(_not_finite(drawn.log_joint[i]) or wrong.get(key) or failure)
    names = [estimand.name for estimand in batch.wanted.estimands]
    estimates = {
        name: summarise_weighted(
            np.stack([answer[name][0] for answer in answers]).astype(np.float64), weights, drawn.variance
        )
        for name in names
    }
    numbers = _diagnostics(drawn, khat, log_weights, weights, told=program.sites.normalised and drawn.whole)
    tails = np.stack([numbers["importance_ess"], *(table["ess_tail"] for table in estimates.values())])
    numbers["ess_tail_min"], worst = tails.min(axis=0), tails.argmin(axis=0)
    chosen = systematic_resample(np.where(np.isfinite(weights), weights, 1.0), drawn.offsets, drawn.keep)
    outcomes = {}
    for i, key in enumerate(keys):
        mine = {name: float(values[i]) for name, values in numbers.items()}
        quantity = {"ess_tail_min": names[worst[i] - 1]} if worst[i] else {}
        verdict = failures[i] or Failure(*gate.judge(mine, draws=weights.shape[1], worst=quantity))
        draws = Kept(
            {name: values[:, chosen[i]] for name, values in answers[i].items()},
            {name: sites[name][i][:, chosen[i]] for name in batch.wanted.kept(program)},
            drawn.log_prior[i][chosen[i]][None],
            drawn.log_likelihood[i][chosen[i]][None],
        )
        outcomes[key] = judged(batch, key, verdict, draws, at_universe(estimates, i), mine)
    return outcomes


def _diagnostics(
    drawn: WeightedDraws, khat: Floats, log_weights: Floats, weights: Floats, *, told: bool
) -> dict[str, Floats]:
    found = evidence(log_weights)
    unknown = np.full_like(khat, np.nan)
    joint = np.where(weights > 0, drawn.log_joint.astype(np.float64), 0.0)
    return dict(drawn.diagnostics) | {
        "khat": khat,
        "importance_ess": importance_ess(weights),
        "log_marginal": found.log_marginal if told else unknown,
        "log_marginal_mcse": found.mcse if told else unknown,
        "log_density_mean": (weights * joint).sum(axis=1),
    }


def _not_finite(log_joint: np.ndarray) -> Failure | None:
    """A density of zero is a weight of zero; what is no density spoils all weights."""
    if bad := int((np.isnan(log_joint) | np.isposinf(log_joint)).sum()):
        return Failure(Reason.not_finite, f"the log joint is not finite in {bad} of {log_joint.size} draws")
    return None
