"""Whether data look like those that a universe simulates: a network knows nothing of others.

A universe simulates data sets, and the share of them that are at least as far from all together as the real one is a
p-value. It is exact: distances treat all data sets alike, so where the model is right the real one's rank is uniform.
Sources: Mahalanobis distances of summaries as in Schmitt et al. 2023 (arXiv:2112.08866) and Li et al. 2024
(arXiv:2409.04332); ranks: Vovk, Gammerman, Shafer 2005, Algorithmic learning in a random world, section 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.simulations import Subject
from multiverse.engines.diagnostics import Floats
from multiverse.planning.simulate import OBSERVED, seen_by
from multiverse.planning.tracing import compiled

SIMULATED: Final = 255  # data sets of each universe: ranks of 256, so p-values down to 0.004
RIDGE: Final = (
    0.05  # added to the correlations of summaries, of which there may be more than data sets; Ledoit, Wolf 2004
)


def compile_summaries(subject: Subject, place: int, leaves: Mapping[str, np.ndarray]) -> Any:
    """`(constants, leaves, words (universe, 2)) -> (universe, 1 + SIMULATED, summary)`: the data first, then others.

    These are simulated under the universe itself: its options, rows and covariates.
    """
    import jax
    import jax.numpy as jnp

    opened = subject.family.opened[place]
    see = seen_by(opened.program)

    def summary(constants: Any, leaves: Mapping[str, Any]) -> Any:
        seen = see(leaves)
        parts = []
        for name, one in sorted(seen.items()):
            mask = jnp.broadcast_to(
                one.mask.reshape(*one.mask.shape, *(1,) * (one.value.ndim - one.mask.ndim)), one.value.shape
            )
            parts.append(_summary(subject, place, constants, name, one.value, mask, leaves))
        return jnp.concatenate(parts)

    def one(constants: Any, leaves: Mapping[str, Any], words: Any) -> Any:
        def again(key: Any) -> Any:
            drawn = opened.simulate(leaves, key)
            return summary(
                constants, {**leaves, **{f"{OBSERVED}{name}": value for name, value in drawn.observed.items()}}
            )

        keys = jax.random.split(jax.random.wrap_key_data(words, impl="threefry2x32"), SIMULATED)
        return jnp.concatenate([summary(constants, leaves)[None], jax.vmap(again)(keys)])

    def block(constants: Any, leaves: Any, words: Any) -> Any:
        return jax.lax.map(lambda of: one(constants, *of), (leaves, words))

    words = np.zeros((len(next(iter(leaves.values()))), 2), np.uint32)
    return compiled(block, dict(subject.constants), dict(leaves), words)


def _summary(
    subject: Subject, place: int, constants: Any, name: str, value: Any, mask: Any, leaves: Mapping[str, Any]
) -> Any:
    """Numbers of one observed site: its values where there are few; else their moments, also with the covariates."""
    import jax.numpy as jnp

    layout = subject.layout
    single = value.astype(jnp.float32)
    if layout.sites:
        apart = (single - constants[f"data/{name}/middle"]) / constants[f"data/{name}/far"]
        bent = jnp.where(mask, jnp.arcsinh(apart), 0.0).reshape(-1)
        return jnp.concatenate([bent, jnp.square(bent).mean()[None], jnp.abs(bent).max()[None]])
    row = f"row/{place}/{OBSERVED}{name}"
    bent = jnp.where(mask, jnp.arcsinh((single - constants[f"{row}/middle"]) / constants[f"{row}/far"]), 0.0)
    in_rows = name not in layout.moments
    bent = bent.reshape(len(bent), -1) if in_rows else bent.reshape(-1, 1)
    count = jnp.maximum(mask.sum(), 1)
    parts = [bent.sum(axis=0) / count, jnp.square(bent).sum(axis=0) / count, jnp.abs(bent).max(axis=0)]
    for path, _ in layout.columns[place] if in_rows else ():
        if not path.startswith(OBSERVED):
            told = f"row/{place}/{path}"
            covariate = (leaves[path].astype(jnp.float32) - constants[f"{told}/middle"]) / constants[f"{told}/far"]
            parts.append((covariate.reshape(len(bent), -1).T @ bent).reshape(-1) / count)
    return jnp.concatenate(parts)


def p_values(summaries: np.ndarray) -> Floats:
    """(universe,): the share of data sets, the real one among them, that are at least as far from all as it is.

    summaries: (universe, 1 + simulated, summary), the real one first. 1 / (1 + simulated) at least; where a summary of
    the real data is not a number, that too.
    """
    return np.array([_p_value(one.astype(np.float64)) for one in summaries])


def _p_value(x: Floats) -> float:
    if not np.isfinite(x[0]).all():
        return 1 / len(x)
    x = x[np.isfinite(x).all(axis=1)]
    if len(x) < 2:
        return 1 / (1 + SIMULATED)  # nothing is simulated that the data could be compared with
    apart = x - x.mean(axis=0)
    spread = apart.std(axis=0)
    varies = spread > 1e-9 * (1 + np.abs(x).max(axis=0))
    if not varies.any():
        return 1.0
    apart = apart[:, varies] / spread[varies]
    correlation = apart.T @ apart / len(x)
    shrunk = correlation * (1 - RIDGE) + RIDGE * np.eye(len(correlation))
    far = (apart * np.linalg.solve(shrunk, apart.T).T).sum(axis=1)
    return float((far >= far[0]).mean())
