"""What a model samples: its sites, found by running it on abstract values, and what NUTS could not sample of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.tracing import TRACING
from multiverse.row_plate import RowsUse, padded_rows


class Latent(NamedTuple):
    """A latent site: its shape, the shape of its unconstrained form, and the plates it lies in.

    normalised: whether its prior is known to have the integral 1; a masked one has not.
    """

    name: str
    shape: tuple[int, ...]
    free_shape: tuple[int, ...]
    plates: tuple[str, ...]
    normalised: bool = True

    @property
    def is_local(self) -> bool:
        """True for a site inside a plate: one of many alike, judged by the worst of them."""
        return bool(self.plates)


@dataclass(frozen=True)
class Sites:
    """The sites of a model, by name: latents in the order of the model, shapes of deterministic and observed ones."""

    latents: tuple[Latent, ...]
    deterministic: Mapping[str, tuple[int, ...]]
    observed: Mapping[str, tuple[int, ...]]

    @property
    def normalised(self) -> bool:
        """Whether all priors are known to have the integral 1, so that there is a marginal likelihood."""
        return all(latent.normalised for latent in self.latents)

    @property
    def dimension(self) -> int:
        """How many unconstrained numbers a draw has."""
        return sum(int(np.prod(latent.free_shape)) for latent in self.latents)

    def unravel(self, z: Any) -> dict[str, Any]:
        """A flat unconstrained draw `(dimension,)` as a dict by site. One vector compiles faster than many."""
        out, at = {}, 0
        for latent in self.latents:
            size = int(np.prod(latent.free_shape))
            out[latent.name] = z[at : at + size].reshape(latent.free_shape)
            at += size
        return out


@dataclass(frozen=True)
class ModelTrace:
    """What running the model once on abstract values showed."""

    sites: Sites
    rows: tuple[RowsUse, ...]
    problems: tuple[Problem, ...]

    @property
    def row_latents(self) -> tuple[str, ...]:
        """Latent sites inside `mv.rows`: they have one value a row, so rows cannot be padded."""
        names = {use.name for use in self.rows}
        return tuple(latent.name for latent in self.sites.latents if names & set(latent.plates))


def trace_model(model: Callable[[Mapping[str, Any]], Any], leaves: Mapping[str, np.ndarray]) -> ModelTrace:
    """Run a model of leaves abstractly (nothing is computed) and list its sites and mistakes.

    Raises whatever the model raises, JAX's tracer errors among them.
    """
    import jax
    import numpyro

    improper: list[str] = []
    found: list[ModelTrace] = []

    def start(site: dict[str, Any]) -> Any:
        if site["type"] == "sample" and not site["is_observed"] and is_improper(site["fn"]):
            improper.append(site["name"])
            return site["fn"].support.feasible_like(jax.numpy.zeros(site["fn"].shape()))
        return None

    def look(at: Mapping[str, Any], key: Any) -> None:
        with padded_rows() as used:
            seeded = numpyro.handlers.seed(numpyro.handlers.substitute(model, substitute_fn=start), key)
            seen = numpyro.handlers.trace(seeded).get_trace(at)
        # Looked at in here: supports may hold tracers, which have no meaning outside.
        found.append(ModelTrace(_sites(seen), tuple(used), tuple(_problems(seen, improper))))

    abstract: Any = jax.ShapeDtypeStruct
    with TRACING:
        jax.eval_shape(look, {path: abstract(a.shape, _dtype(a)) for path, a in leaves.items()}, _key())
    return found[-1]


def _sites(seen: Mapping[str, dict[str, Any]]) -> Sites:
    return Sites(
        latents=tuple(_latent(site) for site in seen.values() if _is_latent(site)),
        deterministic={n: tuple(np.shape(s["value"])) for n, s in seen.items() if s["type"] == "deterministic"},
        observed={
            n: tuple(np.shape(s["value"])) for n, s in seen.items() if s["type"] == "sample" and not _is_latent(s)
        },
    )


def _key() -> Any:
    import jax

    return jax.random.key(0)


def _dtype(array: np.ndarray) -> Any:
    import jax

    return jax.dtypes.canonicalize_dtype(array.dtype)


def _is_latent(site: Mapping[str, Any]) -> bool:
    return site["type"] == "sample" and not site["is_observed"]


def is_improper(fn: Any) -> bool:
    """Whether a distribution has no integral."""
    return _is_a(fn, "ImproperUniform")


def _is_a(fn: Any, kind: str) -> bool:
    """Whether a distribution, or one that it wraps, is of this kind of NumPyro's."""
    from numpyro import distributions

    while fn is not None and not isinstance(fn, getattr(distributions, kind)):
        fn = getattr(fn, "base_dist", None)
    return fn is not None


def _latent(site: Mapping[str, Any]) -> Latent:
    from numpyro.distributions import biject_to

    shape = tuple(np.shape(site["value"]))
    try:
        free = tuple(biject_to(site["fn"].support).inverse_shape(shape))
    except NotImplementedError:  # no map to the real line; reported by _problems
        free = shape
    plates = tuple(frame.name for frame in site["cond_indep_stack"])
    return Latent(site["name"], shape, free, plates, normalised=not _is_a(site["fn"], "MaskedDistribution"))


def _problems(seen: Mapping[str, Mapping[str, Any]], improper: Iterable[str]) -> Iterable[Problem]:
    from numpyro.distributions import biject_to

    if not any(_is_latent(site) for site in seen.values()):
        yield Problem(
            "the model has no latent sites: there is nothing to infer.",
            'at least one `numpyro.sample("name", prior)` without obs',
            'give the unknowns of the model priors, as in `b = numpyro.sample("b", dist.Normal(0, 1))`',
        )
    for name in improper:
        yield Problem(
            f"the site {name!r} has an improper prior.",
            "a proper prior: evidence and prior checks need one, and the posterior may not exist",
            f'write a wide proper prior, as in `numpyro.sample("{name}", dist.Normal(0, 100))`',
        )
    for name, site in seen.items():
        if site["type"] == "param":
            yield _param(name)
        if site["type"] == "plate" and site["args"][0] != site["args"][1] and site["args"][1] is not None:
            yield Problem(
                f"the plate {name!r} subsamples {site['args'][1]} of {site['args'][0]} rows.",
                "a plate of full size: NUTS needs the whole likelihood",
                "leave out subsample_size",
            )
        if not _is_latent(site) or name in improper:
            continue
        if site["fn"].is_discrete:
            yield Problem(
                f"the latent site {name!r} is discrete ({_family(site['fn'])}).",
                "continuous latent sites: NUTS follows gradients",
                "sum it out of the likelihood (as `dist.MixtureSameFamily` does), or observe it",
            )
            continue
        try:
            biject_to(site["fn"].support)
        except NotImplementedError:
            yield Problem(
                f"the latent site {name!r} has a support that NumPyro cannot map to the reals: {site['fn'].support}.",
                "a support that numpyro.distributions.biject_to knows",
                "transform a site with a known support, or use another prior",
            )


def _family(fn: Any) -> str:
    """The name of a distribution as a user writes it: NumPyro's Bernoulli makes a BernoulliProbs."""
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    return type(fn).__name__.removesuffix("Probs").removesuffix("Logits")


def _param(name: str) -> Problem:
    site = name.removesuffix("_centered")
    if site != name:  # LocScaleReparam() without a number makes a numpyro.param of this name
        mend = f"if it is LocScaleReparam() of {site!r}, write `LocScaleReparam(0)`; else write"
    else:
        mend = "write"
    return Problem(
        f"the model has a numpyro.param {name!r}, which is optimised, not sampled.",
        "numpyro.sample sites",
        f'{mend} `numpyro.sample("{name}", prior)`, or a constant',
    )
