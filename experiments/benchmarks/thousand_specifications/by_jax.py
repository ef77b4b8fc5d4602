"""The thousand regressions through JAX: one program, in which rows, columns and kinds of standard error are numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from smokers import BLOCKS, QUIT, load, prepare, space

import multiverse as mv


class Errors(NamedTuple):
    """How squared residuals are weighted.

    robust: 1 for a sandwich, 0 for one variance of all errors. corrected: 1 to multiply by n / (n - k). power: to which
    1 less the leverage is raised, in the denominator.
    """

    robust: float
    corrected: float
    power: float


def inverse_within(matrix: Any, used: Any) -> Any:
    """The inverse of the rows and columns of a positive definite matrix that are used; zero in the others.

    matrix: (k, k). used: (k,), 1 or 0. Beaton's sweep operator (Goodnight 1979, The American Statistician 33(3)): a
    column that is left out is not swept, so that the regression is the one without it, exactly and in the same program.
    """

    def sweep(j: Any, swept: Any) -> Any:
        pivot, column = swept[j, j], swept[:, j]
        after = swept - jnp.outer(column, swept[j]) / pivot
        after = after.at[:, j].set(column / pivot).at[j].set(swept[j] / pivot).at[j, j].set(-1.0 / pivot)
        return jnp.where(used[j], after, swept)

    return -jax.lax.fori_loop(0, len(used), sweep, matrix) * jnp.outer(used, used)


def estimate(data: Any, *, history: Any, weight: Any, lifestyle: Any, errors: Errors) -> mv.Estimate:
    used = jnp.array([1.0, history, weight, lifestyle]) @ BLOCKS
    kept = data["kept"]
    design = data["design"] * kept[:, None]  # a row of zeros adds nothing
    gained = data["gained"] * kept
    inverse = inverse_within(design.T @ design, used)
    coefficients = inverse @ (design.T @ gained)
    squares = (gained - design @ coefficients) ** 2
    n, k = kept.sum(), used.sum()
    leverage = ((design @ inverse) * design).sum(axis=1)
    pull = (design @ inverse[:, QUIT]) ** 2  # of each row on the coefficient
    sandwich = (pull * squares / (1.0 - leverage) ** errors.power).sum() * jnp.where(errors.corrected, n / (n - k), 1.0)
    one_variance = squares.sum() / (n - k) * inverse[QUIT, QUIT]
    se = jnp.sqrt(jnp.where(errors.robust, sandwich, one_variance))
    return mv.Estimate(coefficients[QUIT], se=se, df=n - k)


study = mv.Study(
    name="thousand regressions by JAX",
    data=load,
    prepare=prepare,
    estimate=estimate,
    estimands="kg gained by quitting",
    space=space(
        {
            "classical": Errors(0.0, 0.0, 0.0),
            "HC0": Errors(1.0, 0.0, 0.0),
            "HC1": Errors(1.0, 1.0, 0.0),
            "HC2": Errors(1.0, 0.0, 1.0),
            "HC3": Errors(1.0, 0.0, 2.0),
        }
    ),
)
