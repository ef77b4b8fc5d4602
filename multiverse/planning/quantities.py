"""Scalar quantities of a posterior that are compared with the truth: estimands, elements of sites, the likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from multiverse.planning.noncentered import SUFFIX
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

ELEMENTS: Final = 8  # of a site that are looked at, evenly spaced: each has its own band, and many hide one that is off
LOG_LIKELIHOOD: Final = "log likelihood"

QuantityKind = Literal["estimand", "site", "density"]


@dataclass(frozen=True)
class Quantity:
    """One scalar: `effect` (an estimand), `level[3]` (an element of a site), or the log likelihood.

    of: the estimand or site; index: the element's place in the site, () for a scalar.
    """

    name: str
    kind: QuantityKind
    of: str = ""
    index: tuple[int, ...] = ()


def quantities_of(plan: Plan, programs: Sequence[Program]) -> tuple[Quantity, ...]:
    """The estimands, then elements of latent sites on their own scale, then the log likelihood.

    Of a site with more than `ELEMENTS` numbers so many are taken. A site that some programs sample non-centered is
    looked at as it is written; the standardised one that stands in for it is not. An estimand that is a site by name
    is there once.
    """
    found = [Quantity(estimand.name, "estimand", estimand.name) for estimand in plan.wanted.estimands]
    asked = {estimand.ask for estimand in plan.wanted.estimands if isinstance(estimand.ask, str)}
    shapes: dict[str, tuple[int, ...]] = {}
    for program in programs:
        for latent in program.sites.latents:
            name = latent.name.removesuffix(SUFFIX)
            own = name if name in program.sites.deterministic else latent.name
            shape = program.sites.deterministic.get(own, latent.shape)
            if own not in shapes or np.prod(shape) < np.prod(shapes[own]):
                shapes[own] = tuple(shape)  # the least that all programs have
    for site, shape in shapes.items():
        if site not in asked:
            found += [Quantity(_element(site, index), "site", site, index) for index in _some(shape)]
    return (*found, Quantity(LOG_LIKELIHOOD, "density"))


def sites_of(quantities: Sequence[Quantity], program: Program) -> frozenset[str]:
    """The sites of a program that quantities look at."""
    own = {latent.name for latent in program.sites.latents} | set(program.sites.deterministic)
    return frozenset(quantity.of for quantity in quantities if quantity.kind == "site") & own


def values_of(
    quantities: Sequence[Quantity],
    estimands: Mapping[str, np.ndarray],
    sites: Mapping[str, np.ndarray],
    log_likelihood: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Draws of each quantity by name, in the shape of what is given; those of absent sites are left out.

    estimands: by name, (..., draw). sites: (..., draw, *site shape). log_likelihood: (..., draw), or None.
    """
    found: dict[str, np.ndarray] = {}
    for quantity in quantities:
        if quantity.kind == "estimand" and quantity.of in estimands:
            found[quantity.name] = estimands[quantity.of]
        elif quantity.kind == "site" and quantity.of in sites:
            values = sites[quantity.of]
            rank = len(quantity.index)
            if all(i < size for i, size in zip(quantity.index, values.shape[values.ndim - rank :], strict=True)):
                at: Any = (..., *quantity.index)
                found[quantity.name] = values[at]
        elif quantity.kind == "density" and log_likelihood is not None:
            found[quantity.name] = log_likelihood
    return found


def _some(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Places in an array of this shape: all, or `ELEMENTS` of them, evenly spaced."""
    size = int(np.prod(shape))
    flat = np.unique(np.linspace(0, size - 1, min(size, ELEMENTS)).astype(int)) if size else np.zeros(0, int)
    return [tuple(int(at) for at in np.unravel_index(place, shape)) if shape else () for place in flat]


def _element(site: str, index: tuple[Any, ...]) -> str:
    return f"{site}[{', '.join(map(str, index))}]" if index else site
