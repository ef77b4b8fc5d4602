"""From the answers of an `estimate` function to one outcome a universe: statistics, kind of interval, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.estimates import from_numbers, from_standard_errors, summarise
from multiverse.engines.gate import Gate
from multiverse.engines.outcome import ESTIMAND, DrawsName, Interval, Outcome, Reason
from multiverse.planning.answer import Answer

Statistics = dict[str, float]
CHAINS_JUDGED = 2  # R-hat compares chains; one array of draws is taken for independent draws


def judge_answers(
    answers: Mapping[str, Mapping[str, Answer]], names: Sequence[str], gate: Gate, batch: Batch
) -> dict[str, Outcome]:
    """An outcome for each universe that answered, by key. Answers by key and estimand, as NumPy arrays."""
    statistics: dict[str, dict[str, Statistics]] = {name: {} for name in names}
    for name in names:
        told = {key: answer[name] for key, answer in answers.items()}
        numbers = {key: a for key, a in told.items() if "value" in a}
        statistics[name] |= _of_numbers({key: a for key, a in numbers.items() if "se" not in a})
        statistics[name] |= _of_errors({key: a for key, a in numbers.items() if "se" in a})
        shapes = {a["draws"].shape for a in told.values() if "draws" in a}
        for shape in shapes:
            statistics[name] |= _of_draws({k: a for k, a in told.items() if "draws" in a and a["draws"].shape == shape})
    return {
        key: _outcome(key, answer, {name: statistics[name][key] for name in names}, gate, batch)
        for key, answer in answers.items()
    }


def _outcome(
    key: str, answer: Mapping[str, Answer], estimates: Mapping[str, Statistics], gate: Gate, batch: Batch
) -> Outcome:
    chains = {name: a["draws"].shape[0] for name, a in answer.items() if "draws" in a}
    diagnostics = {"block": float(batch.block)}
    reason, message = _not_finite(answer)
    judged = [name for name, count in chains.items() if count >= CHAINS_JUDGED]
    if judged:
        diagnostics |= {
            "rhat_max": max(estimates[name]["rhat"] for name in judged),
            "ess_bulk_min": min(estimates[name]["ess"] for name in judged),
            "ess_tail_min": min(estimates[name]["ess_tail"] for name in judged),
        }
        if reason is Reason.ok:
            told = diagnostics | {"divergences": 0.0, "ebfmi_min": np.inf}  # whatever sampled did not tell these
            reason, message = gate.judge(told, chains=min(chains[name] for name in judged))
    return Outcome(
        key=key,
        reason=reason,
        message=message,
        draws={str(DrawsName(ESTIMAND, name)): a["draws"] for name, a in answer.items() if "draws" in a},
        estimates=estimates,
        intervals={name: _interval(a) for name, a in answer.items()},
        diagnostics=diagnostics,
        attempt=batch.attempt,
    )


def _interval(answer: Answer) -> Interval:
    if "draws" in answer:
        return Interval.credible
    return Interval.confidence if "se" in answer else Interval.none


def _not_finite(answer: Mapping[str, Answer]) -> tuple[Reason, str]:
    """The first answer that is no finite number, or no standard error."""
    for name, parts in answer.items():
        for part, value in parts.items():
            infinite = part == "df" and np.all(value > 0)  # infinitely many degrees of freedom: the normal
            if bad := int((~np.isfinite(value)).sum()) if not infinite else 0:
                of = f"{bad} of {value.size} draws" if part == "draws" else f"its {part}"
                return Reason.estimand, f"the estimand {name!r} is not finite in {of}"
            if (part == "se" and not value >= 0) or (part == "df" and not value > 0):
                return Reason.estimand, f"the estimand {name!r} has {part} = {float(value):g}"
    return Reason.ok, ""


def _of_numbers(answers: Mapping[str, Answer]) -> dict[str, Statistics]:
    return _by_key(answers, from_numbers(_stacked(answers, "value"))) if answers else {}


def _of_errors(answers: Mapping[str, Answer]) -> dict[str, Statistics]:
    if not answers:
        return {}
    df = np.array([float(a.get("df", np.inf)) for a in answers.values()])
    return _by_key(answers, from_standard_errors(_stacked(answers, "value"), _stacked(answers, "se"), df))


def _of_draws(answers: Mapping[str, Answer]) -> dict[str, Statistics]:
    found = _by_key(answers, summarise(_stacked(answers, "draws")))
    if _stacked(answers, "draws").shape[1] < CHAINS_JUDGED:
        found = {key: statistics | {"rhat": np.nan} for key, statistics in found.items()}
    return found


def _stacked(answers: Mapping[str, Answer], part: str) -> np.ndarray:
    return np.stack([answer[part] for answer in answers.values()])


def _by_key(answers: Mapping[str, Answer], columns: Mapping[str, np.ndarray]) -> dict[str, Statistics]:
    return {key: {name: float(values[i]) for name, values in columns.items()} for i, key in enumerate(answers)}
