"""From the draws of a block to one outcome a universe: estimands, estimates, diagnostics, verdict of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import convergence, ebfmi, rhat
from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure, estimand_draws
from multiverse.engines.estimates import summarise
from multiverse.engines.judged import Kept, at_universe, judged
from multiverse.engines.nuts.apart import groups_apart
from multiverse.engines.nuts.block import LaneDraws
from multiverse.engines.nuts.starts import START_TRIES
from multiverse.engines.outcome import Outcome, Reason
from multiverse.planning.model_trace import Latent
from multiverse.planning.program import Program
from multiverse.planning.row_axes import trim_rows

if TYPE_CHECKING:
    from multiverse.engines.nuts.engine import NUTS


def judge(batch: Batch, lanes: LaneDraws, settings: NUTS) -> tuple[Outcome, ...]:
    """One outcome for each key of a batch. lanes: as `LaneDraws`, with axes (universe, chain, draw, ...)."""
    program, keys = batch.program, batch.keys
    sites = trim_rows(program, keys, lanes.sites)
    answers: list[dict[str, np.ndarray]] = []
    failures: list[Failure | None] = []
    for i, key in enumerate(keys):
        answer, failure = estimand_draws(batch, key, {name: values[i] for name, values in sites.items()})
        answers.append(answer)
        failures.append(_not_finite(lanes, i) or failure)
    estimates = _summaries(batch, answers)
    measured = _diagnostics(program, lanes, estimates, settings)
    outcomes = []
    for i, key in enumerate(keys):
        numbers = {name: float(values[i]) for name, values in measured.numbers.items()}
        worst = {name: quantities[i] for name, quantities in measured.worst.items()}
        verdict = failures[i] or Failure(*settings.gate.judge(numbers, chains=settings.chains, worst=worst))
        if verdict.reason is Reason.rhat and (apart := _apart(program, lanes, i, answers[i])):
            verdict = Failure(Reason.modes, f"{apart}; {verdict.message}")
        kept = {name: sites[name][i] for name in batch.wanted.kept(program)}
        draws = Kept(answers[i], kept, lanes.log_prior[i], lanes.log_likelihood[i])
        outcomes.append(judged(batch, key, verdict, draws, at_universe(estimates, i), numbers))
    return tuple(outcomes)


def _not_finite(lanes: LaneDraws, universe: int) -> Failure | None:
    """Whether a universe could not be started, or its log joint is not finite where it went."""
    if not np.all(lanes.started[universe]):
        chains = int((~lanes.started[universe]).sum())
        found = f"no starting point with a finite log joint and gradient was found in {START_TRIES} tries"
        return Failure(Reason.not_finite, f"{found}, for {chains} of {lanes.started[universe].size} chains")
    values = lanes.potential[universe]
    if bad := int((~np.isfinite(values)).sum()):
        return Failure(Reason.not_finite, f"the log joint is not finite in {bad} of {values.size} draws")
    return None


def _apart(program: Program, lanes: LaneDraws, universe: int, answers: Mapping[str, np.ndarray]) -> str:
    """What shows that chains are in separate modes: an estimand or a global latent; else empty."""
    sampled = [site for site in program.sites.latents if not site.is_local]
    of_sites = _scalars([lanes.sites[site.name][universe][None] for site in sampled]) if sampled else ()
    for name, values in (*answers.items(), *zip(_names(sampled), of_sites, strict=True)):
        if (groups := groups_apart(np.asarray(values, np.float64))) > 1:
            return f"the {len(values)} chains stay in {groups} places that have no value of {name!r} in common"
    return ""


def _summaries(batch: Batch, answers: list[dict[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """By estimand and statistic, (universe,)."""
    return {
        e.name: summarise(np.stack([answer[e.name] for answer in answers]).astype(np.float64))
        for e in batch.wanted.estimands
    }


class _Measured(NamedTuple):
    """Diagnostics by name, (universe,), and for some of them what they were worst for, by universe."""

    numbers: dict[str, np.ndarray]
    worst: dict[str, list[str]]


def _diagnostics(
    program: Program, lanes: LaneDraws, estimates: Mapping[str, Mapping[str, np.ndarray]], settings: NUTS
) -> _Measured:
    """The numbers the gate looks at.

    Estimands, global latents and the log density are judged by R-hat and effective sample size, the many latents
    inside plates by their worst R-hat only.
    """
    sampled = [site for site in program.sites.latents if not site.is_local]
    local = [site for site in program.sites.latents if site.is_local]
    names = [*estimates, *_names(sampled), "the log density"]
    found = convergence(_scalars([*(lanes.sites[s.name] for s in sampled), lanes.potential]))
    asked = {name: np.stack([e[name] for e in estimates.values()], axis=1) for name in ("rhat", "ess", "ess_tail")}
    tables = {
        "rhat_max": np.concatenate([asked["rhat"], _by_universe(found.rhat, lanes)], axis=1),
        "ess_bulk_min": -np.concatenate([asked["ess"], _by_universe(found.ess_bulk, lanes)], axis=1),
        "ess_tail_min": -np.concatenate([asked["ess_tail"], _by_universe(found.ess_tail, lanes)], axis=1),
    }
    at = {name: table.argmax(axis=1) for name, table in tables.items()}  # the first NaN, where there is one
    numbers = {name: np.abs(np.take_along_axis(t, at[name][:, None], axis=1)[:, 0]) for name, t in tables.items()}
    worst = {name: [names[i] for i in at[name]] for name in tables}
    if local:
        table = _by_universe(rhat(_scalars([lanes.sites[s.name] for s in local])), lanes)
        names = _names(local)
        worst["rhat_local_max"] = [names[i] for i in table.argmax(axis=1)]
        numbers["rhat_local_max"] = table.max(axis=1)
    full_tree = 2**settings.max_tree_depth - 1
    numbers |= {
        "divergences": lanes.diverging.sum(axis=(1, 2)),
        "ebfmi_min": ebfmi(lanes.energy).min(axis=1),
        "tree_depth_hits": (lanes.steps >= full_tree).sum(axis=(1, 2)),
        "steps_mean": lanes.steps.mean(axis=(1, 2)),
        "accept_mean": lanes.accept.mean(axis=(1, 2)),
        "step_size": lanes.step_size.mean(axis=1),
        "log_density_mean": -lanes.potential.mean(axis=(1, 2), dtype=np.float64),
    }
    return _Measured(numbers, worst)


def _names(sites: Sequence[Latent]) -> list[str]:
    """Each scalar of some sites by name, such as `slope` and `level[3]`."""
    return [
        site.name + ("[" + ",".join(map(str, index)) + "]" if site.shape else "")
        for site in sites
        for index in np.ndindex(*site.shape)
    ]


def _by_universe(values: np.ndarray, lanes: LaneDraws) -> np.ndarray:
    return values.reshape(lanes.potential.shape[0], -1)


def _scalars(sites: list[np.ndarray]) -> np.ndarray:
    """Sites (universe, chain, draw, ...) as scalars, (universe * scalar, chain, draw)."""
    joined = np.concatenate([a.reshape(*a.shape[:3], -1) for a in sites], axis=3)
    return np.moveaxis(joined, 3, 1).reshape(-1, *joined.shape[1:3])
