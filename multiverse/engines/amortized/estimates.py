"""Cheap estimates of what rows in groups say: a regression with an effect of each group, in closed steps.

Posteriors of many rows are a hundredth as wide as priors, so a network has to be told where they are, and what is
linear in good estimates need not be learnt (`own_scales.fitted`). No density is asked: a model that these estimates do
not fit has worse ones, and wider residuals. Sources: Fuller and Battese 1973, JASA 68(343) (least squares with effects
of groups, by taking a share of each group's mean away); Laird and Ware 1982, Biometrics 38(4) (variances by EM); Lange,
Little, Taylor 1989, JASA 84(408) (weights of rows under a t).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from multiverse.engines.amortized.whitening import cholesky, solve

ROUNDS: Final = 4  # of variances, and of weights after them
DEGREES: Final = 4.0  # of freedom of the t whose weights rows get
RIDGE: Final = 1e-4  # of a column's mean square: columns that are all alike, or not there, get a slope of zero
LEAST: Final = 1e-12  # of a variance, in units of the data
LARGEST: Final = 1e6  # of a datum, in its units: squares of many fit into float32
FAR: Final = 50.0  # no slope or residual is told as more
GROUP: Final = 4  # numbers that tell a group, beside its covariates


class Estimated(NamedTuple):
    """slopes: (column,). within, between: logarithms of sds of rows in their group and of groups, (). The rest, by
    group: effect, its mean residual; spread, of its rows in units of `within`; size, how much its rows count; columns,
    means (group, column).
    """

    slopes: Any
    within: Any
    between: Any
    effect: Any
    spread: Any
    size: Any
    columns: Any

    @property
    def numbers(self) -> Any:
        """(column + 2,): what is told of all groups together."""
        import jax.numpy as jnp

        return jnp.clip(jnp.concatenate([self.slopes, jnp.stack([self.within, self.between])]), -FAR, FAR)

    @property
    def told(self) -> Any:
        """(group, GROUP): what is told of each."""
        import jax.numpy as jnp

        each, all_together = jnp.exp(self.within), jnp.exp(self.between)
        error = each / jnp.sqrt(jnp.maximum(self.size, 1.0))
        numbers = [
            jnp.arcsinh(self.effect / each),
            jnp.arcsinh(self.effect / jnp.sqrt(all_together**2 + error**2)),
            jnp.log1p(self.size) / 3,
            jnp.arcsinh(self.spread),
        ]
        return jnp.stack(numbers, axis=1)


def estimate(y: Any, columns: Any, here: Any, group: Any, groups: int) -> tuple[Estimated, Estimated]:
    """Estimates of rows y (row,) by columns (row, column), the first of them ones: plain, and with far rows held back.

    here: (row,), 1 where a row counts. group: (row,), the number of its group, of so many groups. Traceable.
    """
    import jax
    import jax.numpy as jnp

    y = jnp.where(here > 0, jnp.clip(y, -LARGEST, LARGEST), 0.0)
    columns = jnp.where(here[:, None] > 0, columns, 0.0)
    known = jnp.concatenate([y[:, None], columns], axis=1)
    count = jnp.maximum(here.sum(), 1.0)

    def by_group(values: Any) -> Any:
        return jnp.zeros((groups, *values.shape[1:]), values.dtype).at[group].add(values)

    sizes = by_group(here)
    real = (sizes > 0).astype(y.dtype)

    def round_of(carry: Any, far: bool) -> tuple[Any, Estimated]:
        rows, within, between = carry
        size = by_group(rows)
        mean = by_group(rows[:, None] * known) / jnp.maximum(size, LEAST)[:, None]
        shrunk = size * between / (within + size * between)  # share of a group's mean that is its effect
        share = 1 - jnp.sqrt(1 - shrunk)
        apart = jnp.sqrt(rows)[:, None] * (known - share[group][:, None] * mean[group])
        x = apart[:, 1:]
        square = jnp.matmul(x.T, x, precision="highest") / count
        ridge = jnp.diag(RIDGE * jnp.diag(square) + LEAST) + square
        unit = 1 / jnp.sqrt(jnp.diag(ridge))
        # A thousandfold, so that the pivots of a matrix this well conditioned are above the least of `cholesky`.
        lower = cholesky(1e3 * ridge * unit[:, None] * unit)
        slopes = 1e3 * unit * solve(lower, unit * (x * apart[:, :1]).sum(axis=0) / count)
        left = known[:, 0] - (columns * slopes).sum(axis=1)
        residual = mean[:, 0] - (mean[:, 1:] * slopes).sum(axis=1)
        effect = shrunk * residual
        noise = jnp.square(left - effect[group]) * here
        unsure = between * (1 - shrunk)
        new_between = (real * (jnp.square(effect) + unsure)).sum() / jnp.maximum(real.sum(), 1.0)
        new_within = ((rows * noise).sum() + (size * unsure).sum()) / count
        new_between, new_within = jnp.maximum(new_between, LEAST), jnp.maximum(new_within, LEAST)
        weighed = here * (DEGREES + 1) / (DEGREES + noise / new_within)
        found = Estimated(
            slopes,
            jnp.log(new_within) / 2,
            jnp.log(new_between) / 2,
            residual,
            jnp.sqrt(by_group(noise) / jnp.maximum(sizes, 1.0) / new_within),
            size,
            mean[:, 1:],
        )
        return (weighed if far else rows, new_within, new_between), found

    def rounds(start: Any, far: bool) -> tuple[Any, Estimated]:
        carry, all_found = jax.lax.scan(lambda carry, _: round_of(carry, far), start, length=ROUNDS)
        last: Estimated = jax.tree.map(lambda values: values[-1], all_found)
        return carry, last

    whole = jnp.maximum(jnp.square((y - y.sum() / count) * here).sum() / count, LEAST)
    (_, within, between), plain = rounds((here, whole, whole / 2), False)
    _, robust = rounds((here, within, between), True)
    return plain, robust
