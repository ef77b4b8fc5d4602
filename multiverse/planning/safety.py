"""The check that makes batching honest: the program's log joint equals the user's model called plainly.

For a few universes of each program, at points from the prior and from where chains start, the log joint and its
gradient, computed as the engine will (stacked, padded, cast), are compared with those of the user's model given that
universe's own data and option values. One comparison covers stacking, padding and casting.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.alike import in_universe, or_forbid, said
from multiverse.planning.density import potential
from multiverse.planning.estimand import Estimand
from multiverse.planning.estimand_trial import Trial, try_estimands
from multiverse.planning.linear_algebra import uses_lapack
from multiverse.planning.program import Program
from multiverse.planning.tracing import QUICK_COMPILE, TRACING, compiled
from multiverse.planning.unanswerable import Unanswerable, unanswerable

SAFETY_RTOL = 1e-6  # in float64, sums in another order agree to about 1e-12; a wrong row or cast moves the 3rd digit
SAFETY_UNIVERSES = 2  # a program: the one that keeps fewest rows, and a random one
START_RADIUS = 2.0  # Stan and NumPyro start chains uniformly within (-2, 2) on the unconstrained scale
POINTS = 3  # prior, start, start


class Evaluated(NamedTuple):
    """Points of one universe and what the program says there."""

    z: np.ndarray  # (POINTS, dimension)
    value: np.ndarray  # (POINTS,)
    gradient: np.ndarray  # (POINTS, dimension)
    draws: Mapping[str, np.ndarray]  # by site, (POINTS, *site shape)


class Verdict(NamedTuple):
    """What the check of a program found.

    problems: mistakes in the model. padding_breaks: why the program may not be padded; empty when it may. failure: why
    its universes cannot be answered. trials: what came of each estimand. lapack: whether it calls LAPACK. notes: for
    people.
    """

    problems: tuple[Problem, ...] = ()
    padding_breaks: str = ""
    failure: Unanswerable | None = None
    trials: Mapping[str, Trial] = MappingProxyType({})
    lapack: bool = False
    notes: tuple[str, ...] = ()


def check(program: Program, estimands: tuple[Estimand, ...]) -> Verdict:
    """Compare a program with the model called plainly, and try the estimands on the points."""
    import jax

    keys = some_universes(program)
    with jax.enable_x64(True):
        try:
            found, lapack = _evaluate(program, keys)
        except Exception as error:
            if program.padding is not None:
                return Verdict((), f"on padded rows the model raises {said(error)}")
            return Verdict(failure=unanswerable("model", [_raised(program, keys[0], error)], error))
        for key, batched in found.items():
            try:
                value, gradient = _plain(program, key, batched.z)
            except Exception as error:
                return Verdict(failure=unanswerable("model", [_raised(program, key, error)], error))
            if _same(batched.value[:, None], value[:, None]) and _same(batched.gradient, gradient):
                continue
            with TRACING:
                if program.padding is not None and (why := _padding_breaks(program, key, batched.z)):
                    return Verdict((), why)
                return Verdict((_differs(program, key, batched, value),))
    trials = try_estimands(program, {key: batched.draws for key, batched in found.items()}, estimands)
    return Verdict(trials=trials, lapack=lapack)


def some_universes(program: Program) -> list[str]:
    """The universe that drops most rows, and another one that the program's id picks."""
    fewest = min(program.members, key=lambda key: program.members[key].rows_kept)
    others = sorted(program.members.keys() - {fewest})
    return [fewest, *([others[int(program.id, 16) % len(others)]] if others else [])][:SAFETY_UNIVERSES]


def _evaluate(program: Program, keys: list[str]) -> tuple[dict[str, Evaluated], bool]:
    import jax
    from numpyro.infer.util import constrain_fn

    density = potential(program.signature, program.sites)
    names = [*(s.name for s in program.sites.latents), *program.sites.deterministic]

    def one(leaves: Mapping[str, Any], points: Any) -> Any:
        def at(z: Any) -> Any:
            value, gradient = jax.value_and_grad(lambda x: density(leaves, x))(z)
            sites = constrain_fn(program.signature, (leaves,), {}, program.sites.unravel(z), return_deterministic=True)
            return value, gradient, {name: sites[name] for name in names}

        return jax.lax.map(at, points)  # a loop over the points, so that the gradient is compiled once

    leaves, z = program.gather(keys, "float64"), _points(program, keys)
    run = compiled(jax.vmap(one), leaves, z, options=QUICK_COMPILE)
    out = jax.tree.map(np.asarray, run(leaves, z))
    found = {key: Evaluated(z[i], *jax.tree.map(lambda a, i=i: a[i], out)) for i, key in enumerate(keys)}
    return found, uses_lapack(run)


def _points(program: Program, keys: list[str]) -> np.ndarray:
    """Where universes are evaluated, (universe, POINTS, dimension): a draw from the prior, and starts."""
    import jax
    import numpyro
    from numpyro.distributions import biject_to

    shape = len(keys), POINTS - 1, program.sites.dimension
    starts = np.random.default_rng(int(program.id, 16)).uniform(-START_RADIUS, START_RADIUS, size=shape)
    priors = np.zeros((len(keys), 1, program.sites.dimension))
    for i, key in enumerate(keys):
        # Operation by operation, since all programs share most of them; with XLA's own generator, which compiles fast.
        seed = jax.random.key(int(key[:8], 16), impl="rbg")
        with TRACING:
            trace = numpyro.handlers.trace(numpyro.handlers.seed(program.signature, seed)).get_trace(
                program.leaves(key)
            )
            sites = [trace[latent.name] for latent in program.sites.latents]
            free = [np.ravel(biject_to(site["fn"].support).inv(site["value"])) for site in sites]
        priors[i, 0] = np.concatenate([np.zeros(0), *free])
    return np.concatenate([priors, starts], axis=1)


def _plain_model(program: Program, key: str) -> Callable[[], Any]:
    """The user's model as the user would call it, on the universe's own data and option values."""
    import numpyro

    signature = program.signature
    options = program.option_values(key)
    model = signature.model
    if signature.reparam:
        model = numpyro.handlers.reparam(model, config=dict(signature.reparam))
    given = {name: options[name] for name in signature.options}
    # A copy each time: a model that changes its data in place must not change them for the next call.
    return lambda: model(copy.deepcopy(program.data(key)), **given)


def _plain(program: Program, key: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log joint of the user's model called plainly, value and gradient at each point."""
    import jax
    from numpyro.infer.util import potential_energy

    model = _plain_model(program, key)

    def density(at: Any) -> Any:
        with _impossible_data_are_for_the_lint():
            return potential_energy(model, (), {}, program.sites.unravel(at))

    # Compiled with the universe's own values as constants: call by call, each operation would compile by itself.
    over_points = compiled(lambda at: jax.lax.map(jax.value_and_grad(density), at), z, options=QUICK_COMPILE)
    value, gradient = over_points(z)
    return np.asarray(value), np.asarray(gradient)


@contextmanager
def _impossible_data_are_for_the_lint() -> Iterator[None]:
    """NumPyro warns of observed values outside a support wherever it sees them; the lint says which, and what to do.

    Entered while a model is traced, by one thread at a time, since filters are the whole process's.
    """
    with TRACING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Out-of-support values")
        yield


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays (point, ...) are equal to float error, measured at each point by its largest number."""
    scale = np.max(np.abs(np.where(np.isfinite(b), b, 0.0)), axis=1, initial=1.0, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(a - b) <= SAFETY_RTOL * scale
    return bool(np.all(close | (a == b) | (np.isnan(a) & np.isnan(b))))


def _padding_breaks(program: Program, key: str, z: np.ndarray) -> str:
    """Which site's log density changes when rows are padded, as a sentence; empty where padding is not to blame."""
    member = program.members[key]
    padded = program.leaves(key)
    bare = program.original[member.prepared].leaves
    bare = {path: bare.get(path, leaf) for path, leaf in padded.items() if path in bare or path.startswith("option")}
    try:
        if _changed_site(program, z, lambda: program.signature(bare), lambda: program.signature(bare)):
            return ""  # it changes by itself
        if site := _changed_site(program, z, lambda: program.signature(padded), lambda: program.signature(bare)):
            return f"padding changes the log density of the site {site!r}, which depends on rows other than by mv.rows"
        plain = _plain_model(program, key)
        return "" if _changed_site(program, z, lambda: program.signature(bare), plain) else _GRADIENT
    except Exception as error:
        return f"on rows that are not padded the model raises {said(error)}"


_GRADIENT = "padding changes the gradient of the log joint"


def _changed_site(program: Program, z: np.ndarray, one: Callable[[], Any], other: Callable[[], Any]) -> str:
    """The first site whose log density differs between two models at some of the points; empty where none does."""
    from numpyro.infer.util import compute_log_probs, constrain_fn

    names = {latent.name for latent in program.sites.latents}
    for point in z:
        values = constrain_fn(other, (), {}, program.sites.unravel(point))
        given = {name: values[name] for name in names}
        with _impossible_data_are_for_the_lint():
            (a, _), (b, _) = compute_log_probs(one, (), {}, given), compute_log_probs(other, (), {}, given)
        for name in b:
            if name not in a or not _same(np.reshape(a[name], (1, 1)), np.reshape(b[name], (1, 1))):
                return str(name)
    return ""


def _differs(program: Program, key: str, batched: Evaluated, plain: np.ndarray) -> Problem:
    different = ~np.isclose(batched.value, plain, rtol=SAFETY_RTOL, equal_nan=True)
    at = int(np.argmax(different))
    try:
        site = _changed_site(
            program, batched.z, lambda: program.signature(program.leaves(key)), _plain_model(program, key)
        )
    except Exception:  # a model that is no function of its arguments may do anything when it is called again
        site = ""
    what = f"the log density of the site {site!r}" if site else "the model"
    values = f"the log joint is {-batched.value[at]:.6g} batched and {-plain[at]:.6g} called plainly"
    return Problem(
        in_universe(
            f"{what} depends on more than data and options: with the same values "
            + (values if different[at] else "the batched gradient is another than that of the model called plainly"),
            program.members[key].universe.items(),
        ),
        "a model that depends on its data and options alone",
        "take NumPy's random numbers, counters, caches and `global` out of the model, and type checks such as "
        "`isinstance(option, float)`: options are arrays when universes are batched",
    )


def _raised(program: Program, key: str, error: Exception) -> Problem:
    labels = list(program.members[key].universe.items())
    return Problem(
        in_universe(f"the log joint of the model raised {said(error)}", labels),
        "a model whose log joint and gradient NumPyro can compute",
        "run it by itself: `numpyro.infer.util.log_density(model, (prepared,), options, values_by_site)`"
        + or_forbid(labels),
    )
