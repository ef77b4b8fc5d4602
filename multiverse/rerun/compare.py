"""Two outcomes of one universe, then and now: equal to the last bit, or how far apart, in Monte Carlo errors."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import ess_mean, mcse_mean, quantile
from multiverse.engines.estimates import QUANTILES
from multiverse.engines.outcome import ESTIMAND, DrawsName, Outcome, Reason

# Reasons that a gate gives for draws: near its bounds chance decides.
OF_THE_GATE: Final = frozenset({Reason.ok, Reason.rhat, Reason.ess, Reason.divergences, Reason.ebfmi, Reason.stuck})
NUMBERS_RTOL: Final = 1e-12  # of numbers computed in float64 from the same bits: a few hundred roundings of 1.1e-16
# The quantiles of a beta distribution that are one standard deviation of a normal apart from its middle: ArviZ 0.23
ONE_SD: Final = (0.1586553, 0.8413447)


class Difference(NamedTuple):
    """One number, then and now.

    error: the Monte Carlo standard error of their difference, in the unit of the numbers; NaN where there is none,
    as for a number that was computed and not drawn.
    """

    quantity: str
    statistic: str
    then: float
    now: float
    error: float = math.nan

    @property
    def distance(self) -> float:
        """How far apart they are, in Monte Carlo errors; infinite where there is no error and they are not the same."""
        if _alike(self.then, self.now):
            return 0.0
        return abs(self.now - self.then) / self.error if self.error > 0 else math.inf


@dataclass(frozen=True)
class Comparison:
    """How an outcome compares with the stored one.

    changed: in words, everything that is not equal to the last bit; empty if all is the same. differences: of the
    estimates and, where draws are not the same, of the means of all sites that both have kept.
    """

    changed: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether draws, estimates, diagnostics and verdict are equal."""
        return not self.changed

    @property
    def worst(self) -> Difference | None:
        """The number that is furthest apart."""
        return max(self.differences, key=lambda d: d.distance, default=None)


def compare(then: Outcome, now: Outcome, estimands: Collection[str], *, judged: bool = True) -> Comparison:
    """The stored outcome against a new one.

    estimands: those that mean the same in both; others are left out. judged: whether diagnostics and the verdict of
    the gate count too; not where estimands were added to the stored one later.
    """
    then, now = _only(then, estimands), _only(now, estimands)
    lost = sorted(then.draws.keys() - now.draws.keys())
    other = [name for name in then.draws if name in now.draws and not _same_bits(then.draws[name], now.draws[name])]
    changed = []
    if then.attempt != now.attempt:
        changed.append(f"attempt {now.attempt}, was {then.attempt}")
    if then.reason is not now.reason and (judged or not {then.reason, now.reason} <= OF_THE_GATE):
        changed.append(f"{now.reason.name}, was {then.reason.name}")
    if lost:
        changed.append(f"no draws of {_listed(lost)}")
    if other:
        changed.append(f"other draws of {_listed(other)}")
    differences = [
        *_numbers(then, now, errors=bool(other)),
        *(d for name in sorted(other) for d in _means(name, then.draws[name], now.draws[name])),
    ]
    wrong = [f"{d.quantity}.{d.statistic}" for d in differences if not _alike(d.then, d.now)]
    measured = then.diagnostics if judged else {}
    wrong += [name for name, value in measured.items() if not _alike(value, now.diagnostics.get(name, math.nan))]
    if wrong:
        changed.append(f"other numbers: {_listed(wrong)}")
    return Comparison(tuple(changed), tuple(differences))


def _only(outcome: Outcome, estimands: Collection[str]) -> Outcome:
    def counts(name: str) -> bool:
        parsed = DrawsName.parse(name)
        return parsed.kind != ESTIMAND or parsed.name in estimands

    return replace(
        outcome,
        draws={name: values for name, values in outcome.draws.items() if counts(name)},
        estimates={name: numbers for name, numbers in outcome.estimates.items() if name in estimands},
    )


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=True))


def _alike(a: float, b: float) -> bool:
    """Whether two numbers are one but for rounding; NaN, which says that there is none, is like itself."""
    return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=NUMBERS_RTOL)


def _numbers(then: Outcome, now: Outcome, *, errors: bool) -> Iterator[Difference]:
    """Every number of every estimand; with Monte Carlo errors where there are draws and they are not the same."""
    for name in dict.fromkeys([*then.estimates, *now.estimates]):
        before, after = then.estimates.get(name, {}), now.estimates.get(name, {})
        drawn = [outcome.draws.get(str(DrawsName(ESTIMAND, name))) for outcome in (then, now)]
        each = [monte_carlo_errors(values) if errors and values is not None else {} for values in drawn]
        for statistic in dict.fromkeys([*before, *after]):
            error = math.hypot(*(found.get(statistic, math.nan) for found in each))
            yield Difference(name, statistic, before.get(statistic, math.nan), after.get(statistic, math.nan), error)


def _means(name: str, then: np.ndarray, now: np.ndarray) -> Iterator[Difference]:
    """The mean of each number of a site, or of the log density; an estimand's are among its estimates."""
    if DrawsName.parse(name).kind == ESTIMAND or then.shape[2:] != now.shape[2:]:
        return
    columns = [np.moveaxis(a.reshape(*a.shape[:2], -1), 2, 0).astype(np.float64) for a in (then, now)]
    means = [a.mean(axis=(1, 2)) for a in columns]
    errors = np.hypot(*(mcse_mean(a) for a in columns))
    for at, index in enumerate(np.ndindex(*then.shape[2:])):
        place = f"{name}[{','.join(map(str, index))}]" if index else name
        yield Difference(place, "mean", float(means[0][at]), float(means[1][at]), float(errors[at]))


def monte_carlo_errors(draws: np.ndarray) -> Mapping[str, float]:
    """Monte Carlo standard errors of the mean, the sd and the quantiles of a scalar, (chain, draw), in its unit.

    As ArviZ 0.23 (`az.mcse`), with Kenney & Keeping 1951, section 7.10, for the sd, and Vehtari et al. 2021,
    doi:10.1214/20-BA1221, for quantiles. NaN where draws are not finite or too few.
    """
    x = np.asarray(draws, np.float64)
    size, ascending = x.size, np.sort(x, axis=None)
    at = {name: float(quantile(ascending[None], p)[0]) for name, p in QUANTILES.items()}
    squared = np.square(x - x.mean())
    ess = ess_mean(np.stack([x, squared, *((x <= q).astype(np.float64) for q in at.values())]))
    variance = float(squared.mean())
    of_variance = (float(np.square(squared).mean()) - variance**2) / ess[1]
    errors = {"mean": float(np.std(x, ddof=1) / math.sqrt(ess[0])) if size > 1 else math.nan}
    errors["sd"] = math.sqrt(max(of_variance, 0.0) / variance) / 2 if variance > 0 else 0.0
    for (name, p), effective in zip(QUANTILES.items(), ess[2:], strict=True):
        errors[name] = _error_of_quantile(ascending, p, float(effective))
    return errors


def _error_of_quantile(ascending: np.ndarray, probability: float, effective: float) -> float:
    from scipy.stats import beta

    if math.isnan(effective):
        return math.nan
    size = ascending.size
    low, high = beta.ppf(ONE_SD, effective * probability + 1, effective * (1 - probability) + 1) * size - 1
    return float(ascending[min(math.ceil(high), size - 1)] - ascending[max(math.floor(low), 0)]) / 2


def _listed(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
