"""The variance between universes divided up: which way it is done, and how far each number is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from multiverse.aggregate.factors import Factor
from multiverse.aggregate.grid import explained_on_grid, is_full_product
from multiverse.aggregate.groups import Groups
from multiverse.aggregate.regression import Regression
from multiverse.aggregate.shapley import Permuted, by_permutations, shapley
from multiverse.aggregate.sources import error_of_sums

REPLICATES = 64  # of the Monte Carlo errors: a standard deviation of 64 draws is off by 9%
FEWEST_REPLICATES = 16  # where there are many universes: off by 18%
MOST_CELLS = 2**23  # universes x replicates held at once: 64 MB
MOST_WORK = 1e9  # sets x universes x replicates visited: about a second
MOST_FITS = 2**9  # sets of factors for each of which a regression is fitted, and once more for each group left out
ORDERS = (16, 500)  # the fewest and the most pairs of random orders, where there are more sets than that
NEARLY_WHOLE = 0.95  # part of the space from which universes are not treated as a sample of it; our choice
FEWEST_ROWS = 2  # universes a coefficient of main effects, below which a regression would fit anything; our choice
JACKKNIFE = 20  # groups left out in turn: enough for a standard deviation to 16%
NO_VARIANCE = 1e-20  # part of the mean square below which a variance is rounding; float64 is good to (1e-16)^2
DIGITS = 12  # of a share; beyond is rounding, and would be shown as more than none or less than all
Z95 = 1.959963984540054  # standard normal quantile of 0.975


class Interval(NamedTuple):
    """Numbers with the ends of their 95% intervals, each (several,); equal where nothing makes them uncertain."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Division:
    """The variance between universes, and what each set of factors explains of it.

    factors: what is told apart; weight: (rows,), sums to 1; values: (rows, 1 + replicates), the means and then the same
    with their Monte Carlo errors drawn once more; noise: (rows,) their squared Monte Carlo errors; source: (rows,)
    equal where two have one error, as exact duplicates do; fraction: of the space that the rows are; sampled: they are
    a sample of it, large enough to say something of the whole.
    """

    factors: tuple[Factor, ...]
    weight: np.ndarray
    values: np.ndarray
    noise: np.ndarray
    source: np.ndarray
    fraction: float = 1.0
    sampled: bool = False

    @property
    def part(self) -> bool:
        """Are the universes a part of a larger space?"""
        return self.fraction < NEARLY_WHOLE

    @cached_property
    def balanced(self) -> bool:
        """Is this a full product of options, all universes with the same weight?"""
        options = [factor.options for factor in self.factors]
        alike = len(self.weight) > 0 and bool(np.ptp(self.weight) < NO_VARIANCE**0.5)
        return alike and not self.sampled and is_full_product(self._columns, options)

    @cached_property
    def variance(self) -> np.ndarray:
        """(1 + replicates,) variance between universes, Monte Carlo variance taken out; may be negative."""
        rows = len(self.weight)
        drawn = 1 + (1 - self.fraction) / max(rows - 1, 1) if self.sampled else 1.0
        centred = self.values - self.weight @ self.values
        # the mean over universes takes up its part of the noise: E V(means) = V + sum(w s^2) - V(sum(w error))
        one = np.zeros(rows, dtype=np.int64)
        taken = error_of_sums(one, 1, self.weight, self.noise, self.source)[0]
        noise = self.weight @ self.noise - taken * (self.fraction if self.sampled else 1.0)
        return np.asarray(self.weight @ centred**2 * drawn - noise * self._times)

    @property
    def flat(self) -> bool:
        """Do universes differ by no more than Monte Carlo error and rounding?"""
        return not self.variance[0] > NO_VARIANCE * float(self.weight @ self.values[:, 0] ** 2)

    @cached_property
    def exact(self) -> bool:
        """Is it feasible to look at every set of factors?"""
        sets = 2 ** len(self.factors)
        return self._on_grid or (sets <= MOST_FITS if self.sampled else sets * self.values.size <= MOST_WORK)

    @cached_property
    def table(self) -> np.ndarray:
        """(2^factors, 1 + replicates) variance that every set explains; only where `exact`."""
        if self._on_grid:
            options = [factor.options for factor in self.factors]
            table, part = explained_on_grid(self._columns, options, self.values)
            return table - np.outer(part * self.noise.mean(), self._times)
        return self._game.table()

    @cached_property
    def _on_grid(self) -> bool:
        """Does one transform of the grid tell all? Not where errors are shared: these do not fall evenly into cells."""
        return self.balanced and (not self.noise.any() or len(np.unique(self.source)) == len(self.source))

    @property
    def orders(self) -> int:
        """Random orders of the factors that the parts are a mean over; 0 where it is over all orders."""
        if self.exact:
            return 0
        if self.sampled:
            return 2 * ORDERS[0]
        return 2 * int(np.clip(MOST_WORK / (2 * len(self.factors) * self.values.size), *ORDERS))

    @cached_property
    def _permuted(self) -> Permuted:
        return by_permutations(self._game.walk, len(self.factors), self.orders // 2, seed=0)

    @property
    def order_error(self) -> np.ndarray:
        """(factors,) standard error of the parts where only some orders were looked at."""
        return np.zeros(len(self.factors)) if self.exact else self._permuted.error

    @cached_property
    def parts(self) -> np.ndarray:
        """(factors, 1 + replicates) Shapley part of each factor."""
        return shapley(self.table) if self.exact else self._permuted.parts

    def explained(self, members: Sequence[int]) -> np.ndarray:
        """(1 + replicates,) variance that these factors explain together."""
        return np.asarray(self.table[sum(1 << i for i in members)] if self.exact else self._game.walk(members)[-1])

    def interval(
        self, shares: Callable[[Division], np.ndarray], *, orders: np.ndarray | float = 0.0, least: float = 0.0
    ) -> Interval:
        """The first column of `shares(division)`, (several, 1 + replicates), with its 95% interval from `least` to 1.

        The standard error is that of the means' Monte Carlo errors, propagated by drawing them again; where universes
        are a sample, also that of which were drawn, by leaving out a group at a time (not by a bootstrap: universes
        drawn twice would seem to agree); and `orders`, (several,), where not all orders were looked at.
        """
        found = shares(self)
        variance = np.zeros(len(found))
        if found.shape[1] > 1:  # a replicate without variance has no shares, so nothing is known of them
            variance = found[:, 1:].var(axis=1, ddof=1) if self.variance[1:].min() > 0 else variance + np.inf
        if self.sampled:
            known = not any(division.flat for division in self._jackknife)  # else nothing is, as above
            left = [shares(division)[:, 0] for division in self._jackknife] if known else []
            drawn = (len(left) - 1) * np.var(left, axis=0) if known else np.inf
            variance = (1 - self.fraction) * drawn + self.fraction * variance
        reach = Z95 * np.sqrt(variance + np.square(orders))
        value = np.round(found[:, 0], DIGITS)
        return Interval(value, np.clip(value - reach, least, 1.0), np.clip(value + reach, least, 1.0))

    @property
    def uncertain(self) -> bool:
        """Does anything make shares uncertain?"""
        return self.sampled or not self.exact or bool(self.noise.any())

    @cached_property
    def _jackknife(self) -> tuple[Division, ...]:
        rows = len(self.weight)
        group = np.random.default_rng(1).permutation(rows) % min(JACKKNIFE, rows)
        return tuple(self._less(group == g) for g in range(group.max() + 1))

    def _less(self, out: np.ndarray) -> Division:
        kept = ~out
        factors = tuple(factor._replace(codes=factor.codes[kept]) for factor in self.factors)
        weight = self.weight[kept] / self.weight[kept].sum()
        rows = {"values": self.values[kept, :1], "noise": self.noise[kept], "source": self.source[kept]}
        return replace(self, factors=factors, weight=weight, **rows)

    @property
    def pairs(self) -> bool:
        """Where universes are a sample: are interactions of two factors in the regression?"""
        return isinstance(self._game, Regression) and self._game.pairs

    @property
    def _columns(self) -> list[np.ndarray]:
        return [factor.codes for factor in self.factors]

    @property
    def _times(self) -> np.ndarray:
        """How often the Monte Carlo variance is in each column of values."""
        return np.array([1.0] + [2.0] * (self.values.shape[1] - 1))

    @cached_property
    def _game(self) -> Groups | Regression:
        if self.sampled:
            return Regression(self._columns, self.weight, self.values, self.noise, self.fraction)
        return Groups(self._columns, self.weight, self.values, self.noise, source=self.source)


def divide(
    factors: tuple[Factor, ...],
    weight: np.ndarray,
    mean: np.ndarray,
    error: np.ndarray,
    fraction: float,
    source: np.ndarray | None = None,
) -> Division:
    """The division of these means, with replicates of their Monte Carlo errors where there are any.

    factors: those with one option explain nothing, and are left out. mean, error: (rows,), the universes' means and
    their Monte Carlo standard errors. fraction: of the space that the universes are. source: (rows,), equal where two
    have one error; each has its own if not given.
    """
    factors = tuple(factor for factor in factors if factor.options > 1)
    rows = len(mean)
    values = mean[:, None]
    source = np.arange(rows) if source is None else np.unique(source, return_inverse=True)[1]
    if error.any():
        several = int(np.clip(MOST_CELLS // max(rows, 1), FEWEST_REPLICATES, REPLICATES))
        drawn = np.random.default_rng(0).normal(size=(source.max() + 1, several))
        values = np.concatenate([values, values + drawn[source] * error[:, None]], axis=1)
    fewest = FEWEST_ROWS * (1 + sum(factor.options - 1 for factor in factors))
    return Division(factors, weight, values, error**2, source, fraction, fraction < NEARLY_WHOLE and rows >= fewest)
