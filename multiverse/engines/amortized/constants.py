"""Where the numbers of a family lie that its network is told, and how far apart: measured once, from simulations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.layout import Layout, designs_of, options_of
from multiverse.engines.amortized.own_scales import DATA, fitted
from multiverse.engines.amortized.space_of import is_log
from multiverse.planning.simulate import OBSERVED

NEAR: Final = 0.1  # quantile of the distance from the median that is the finer of two scales of a datum

Constants = dict[str, np.ndarray]
"""Locations and scales by name: "own/latents/width", "data/SITE/near", "option/PATH/low" and so on."""


def context_constants(family: Family, layout: Layout) -> Constants:
    """Where options and designs of a family lie."""
    found: Constants = {}
    for kind, paths, collect in (("option", layout.options, options_of), ("design", layout.design, designs_of)):
        for path, _ in paths:
            values = np.concatenate([_flat(leaf) for one in family.opened for leaf in collect(one).get(path, [])])
            low, high = values.min(axis=0), values.max(axis=0)
            by_log = np.asarray(kind == "option" and is_log(values))
            found |= {f"{kind}/{path}/low": low, f"{kind}/{path}/high": high, f"{kind}/{path}/log": by_log}
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def data_constants(
    family: Family, layout: Layout, observed: Sequence[Mapping[str, np.ndarray]], terms: Sequence[np.ndarray]
) -> Constants:
    """Middles and scales of data, from simulations.

    observed: by program, values of each observed site, (simulation, *shape). terms: by program, (simulation, term), of
    the universes that these were simulated under (`own_scales.powers`).
    """
    found: Constants = {}
    if layout.sites:
        for name, _ in layout.sites:
            values = np.concatenate([one[name] for one in observed])
            found |= _scales(f"data/{name}", values, axis=0)
            found |= fitted(f"{DATA}/{name}", np.concatenate(terms), values)
    else:
        for number, some in enumerate(layout.columns):
            data = list(family.opened[number].program.datasets.values())
            for path, _ in some:
                if path.startswith(OBSERVED):
                    values = observed[number][path.removeprefix(OBSERVED)]
                    values = values.reshape(-1, *values.shape[2:])
                else:
                    values = np.concatenate([leaves[path].astype(np.float64) for leaves in data])
                found |= _scales(f"row/{number}/{path}", values, axis=0)
            for name in layout.moments:
                found |= _scales(f"row/{number}/{OBSERVED}{name}", observed[number][name].reshape(-1), axis=0)
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def _scales(name: str, values: np.ndarray, axis: int) -> Constants:
    """Middle, and two scales, of values along an axis; those that are not finite are left out."""
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    middle = np.nan_to_num(np.nanmedian(values, axis=axis))
    apart = np.abs(values - middle)
    far = np.nan_to_num(np.nanquantile(apart, 0.68, axis=axis))  # as far as a standard deviation, where normal
    far = np.where(far > 0, far, np.maximum(np.nan_to_num(np.nanmax(apart, axis=axis)), 1e-6))
    far = np.where(far > 1e-6, far, 1.0)
    near = np.nan_to_num(np.nanquantile(apart, NEAR, axis=axis))
    near = np.where(near > far / 100, near, far / 100)
    return {f"{name}/middle": middle, f"{name}/near": near, f"{name}/far": far}


def _flat(leaf: np.ndarray) -> np.ndarray:
    return leaf.reshape(1, -1).astype(np.float64)
