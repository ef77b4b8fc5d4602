"""Estimands of an answered universe, computed from its kept draws, and the verdict that it then has."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import convergence
from multiverse.engines.estimates import summarise
from multiverse.engines.outcome import ESTIMAND, LOG_LIKELIHOOD, LOG_PRIOR, SITE, DrawsName, Outcome, Reason
from multiverse.engines.weighing.weighted import summarise_resampled
from multiverse.planning.estimand import Estimand, NotANumberADraw
from multiverse.planning.program import Program
from multiverse.re_estimate.site_draws import shape_of, site_draws

BY_THE_GATE: Final = frozenset({Reason.ok, Reason.rhat, Reason.ess, Reason.divergences, Reason.ebfmi, Reason.khat})
WEIGHED: Final = "importance_ess"  # a diagnostic of engines that weigh their draws
# Diagnostic -> the statistic of an estimand that it is the worst of, and whether the largest is the worst.
_WORST_OF: Final = {"rhat_max": ("rhat", True), "ess_bulk_min": ("ess", False), "ess_tail_min": ("ess_tail", False)}


SAME_RTOL: Final = 1e-9  # of one number computed twice in float64; numbers of two quantities are further apart


class NotKept(NamedTuple):
    """Sites whose draws an estimand looks at, and which were not kept."""

    estimand: str
    sites: tuple[str, ...]


class _Failure(NamedTuple):
    reason: Reason
    message: str
    traceback: str = ""


def answer(
    outcome: Outcome,
    program: Program,
    estimands: Sequence[Estimand],
    names: Sequence[str],
    asked: Mapping[str, str | None],
    gate: Any,
) -> Outcome | NotKept:
    """The outcome with these estimands as well, judged again; or which sites were not kept.

    outcome: as it is stored, with its draws. estimands: all of the plan, in order. names: those to compute. asked: the
    fingerprints of the outcome's own. gate: the engine's, or None.

    R-hat and effective sample sizes are the worst of what they were and of those of the new estimands. Where an
    estimand that has changed was the worst, the other estimands, the kept global sites and the log joint speak instead.
    """
    shape = shape_of(outcome)
    answers: dict[str, np.ndarray] = {}
    failure: _Failure | None = None
    data, values = program.data(outcome.key), program.option_values(outcome.key)
    for estimand in (e for e in estimands if e.name in names):
        draws = site_draws(outcome, program, asked)
        found, wrong = _draws(estimand, draws, data, values, shape)
        if draws.lacking:
            return NotKept(estimand.name, tuple(draws.lacking))
        answers[estimand.name] = found
        failure = failure or wrong
    made = {name: _statistics(outcome, a.astype(np.float64)) for name, a in answers.items()}
    order = [e.name for e in estimands if e.name in outcome.estimates or e.name in made]
    order += [name for name in outcome.estimates if name not in order]
    after = replace(
        outcome,
        draws={**outcome.draws, **{str(DrawsName(ESTIMAND, name)): a for name, a in answers.items()}},
        estimates={name: made.get(name) or outcome.estimates[name] for name in order},
    )
    return _judged(outcome, after, made, program, failure, gate)


def _statistics(outcome: Outcome, draws: np.ndarray) -> dict[str, float]:
    """Of draws (chain, draw): a resample where the engine weighed them, else chains."""
    if WEIGHED in outcome.diagnostics:
        found = summarise_resampled(draws.reshape(1, -1), np.array([outcome.diagnostics[WEIGHED]]))
    else:
        found = summarise(draws[None])
    return {name: float(values[0]) for name, values in found.items()}


def _draws(
    estimand: Estimand, draws: Mapping[str, Any], data: Any, values: Mapping[str, Any], shape: tuple[int, int]
) -> tuple[np.ndarray, _Failure | None]:
    """(chain, draw), and what went wrong: NaN stands where the estimand raised."""
    try:
        found = estimand(draws, data, values).reshape(shape)
    except Exception as error:
        raised = "" if isinstance(error, NotANumberADraw) else f"raised {type(error).__name__}: "
        told = _Failure(Reason.estimand, f"the estimand {estimand.name!r} {raised}{error}", traceback.format_exc())
        return np.full(shape, np.nan, np.float32), told
    return found, _not_finite(estimand.name, found)


def _not_finite(name: str, draws: np.ndarray) -> _Failure | None:
    bad = int((~np.isfinite(draws)).sum())
    message = f"the estimand {name!r} is not finite in {bad} of {draws.size} draws"
    return _Failure(Reason.estimand, message) if bad else None


def _judged(
    before: Outcome,
    after: Outcome,
    made: Mapping[str, Mapping[str, float]],
    program: Program,
    failure: _Failure | None,
    gate: Any,
) -> Outcome:
    replaced = [name for name in made if name in before.estimates]
    cleared = any(before.message.startswith(f"the estimand {name!r} ") for name in replaced)
    if cleared:
        others = ((n, before.draws.get(str(DrawsName(ESTIMAND, n)))) for n in before.estimates if n not in made)
        failure = failure or next((wrong for n, a in others if a is not None and (wrong := _not_finite(n, a))), None)
    elif before.reason not in BY_THE_GATE:
        return after  # what was wrong then is wrong still
    if WEIGHED in before.diagnostics:
        return _judged_by_weights(before, after, failure, gate, cleared=cleared)
    numbers, worst = dict(before.diagnostics), {}
    if gate is not None:
        for diagnostic in _WORST_OF:
            numbers[diagnostic], worst[diagnostic] = _worst(diagnostic, before, made, program)
    after = replace(after, diagnostics={name: value for name, value in numbers.items() if value == value})
    if failure is not None:
        return replace(after, reason=failure.reason, message=failure.message, traceback=failure.traceback)
    if gate is None or (after.diagnostics == before.diagnostics and not cleared):
        return replace(after, reason=Reason.ok, message="", traceback="") if cleared else after
    told = dict.fromkeys(("divergences", "ebfmi_min"), np.nan) | numbers  # NULL is what was not a number
    named = {name: quantity for name, quantity in worst.items() if quantity}
    verdict = gate.judge(told, chains=shape_of(before)[0], worst=named)
    return replace(after, reason=verdict.reason, message=verdict.message, traceback="")


def _judged_by_weights(
    before: Outcome, after: Outcome, failure: _Failure | None, gate: Any, *, cleared: bool
) -> Outcome:
    """The weights are what they were: an estimand alone makes a universe red, or stops doing so."""
    if failure is not None:
        return replace(after, reason=failure.reason, message=failure.message, traceback=failure.traceback)
    if not cleared:
        return after
    tails = [numbers.get("ess_tail", np.nan) for numbers in after.estimates.values()]
    least = float(np.nanmin([before.diagnostics[WEIGHED], *tails]))
    after = replace(after, diagnostics={**before.diagnostics, "ess_tail_min": least})
    reason, message = (Reason.ok, "") if gate is None else gate.judge(after.diagnostics, draws=shape_of(before)[1])
    return replace(after, reason=reason, message=message, traceback="")


def _worst(
    diagnostic: str, before: Outcome, made: Mapping[str, Mapping[str, float]], program: Program
) -> tuple[float, str]:
    """The number after the new estimands were looked at, and the estimand it is that of, if it is one's."""
    statistic, largest = _WORST_OF[diagnostic]
    old = before.diagnostics.get(diagnostic, np.nan)
    were = {name: numbers.get(statistic, np.nan) for name, numbers in before.estimates.items()}
    seen = {name: value for name, value in were.items() if name not in made}
    seen |= {name: numbers[statistic] for name, numbers in made.items()}
    rest = [old]
    if any(not (were[name] < old if largest else were[name] > old) for name in made if name in were):
        kept = _of_kept(before, program, statistic)
        # where something that is still there was as bad, such as the site that an estimand was, nothing is unknown
        rest = [old] if any(math.isclose(value, old, rel_tol=SAME_RTOL) for value in kept) else kept
    values = np.array([*seen.values(), *rest])
    at = int(np.argmax(values if largest else -values))  # the first NaN, where there is one
    return float(values[at]), [*seen, *[""] * len(rest)][at]


def _of_kept(outcome: Outcome, program: Program, statistic: str) -> list[float]:
    """The statistic of the log joint and of every scalar of the kept global sites."""
    globals_ = [latent.name for latent in program.sites.latents if not latent.is_local]
    arrays = [a for name in globals_ if (a := outcome.draws.get(str(DrawsName(SITE, name)))) is not None]
    densities = [outcome.draws.get(name) for name in (LOG_PRIOR, LOG_LIKELIHOOD)]
    if densities[0] is not None and densities[1] is not None:
        arrays.append(densities[0] + densities[1])
    if not arrays:
        return []
    scalars = np.concatenate([np.moveaxis(a.reshape(*a.shape[:2], -1), 2, 0) for a in arrays])
    found = convergence(scalars)
    by_name = {"rhat": found.rhat, "ess": found.ess_bulk, "ess_tail": found.ess_tail}
    return [float(value) for value in by_name[statistic]]
