"""What to tell a person whose model raised: the line, the universes, and a mend for what first models get wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from multiverse.errors import Problem, near_miss
from multiverse.planning.alike import in_universe, or_forbid, place, said
from multiverse.planning.bind import called
from multiverse.planning.branching import concretization_errors
from multiverse.planning.only_simulates import OnlySimulates


class _Advice(NamedTuple):
    """What was expected, and the mend."""

    expected: str
    mend: str


_KNOWN = {  # how NumPyro's messages begin
    "Invalid type for 'fn'": _Advice(
        "a distribution as the second argument of numpyro.sample",
        'make one of the option, as in `numpyro.sample("slope", dist.Normal(0, sd))`, or let the options be '
        "distributions: `mv.prior(weak=dist.Normal(0, 10))`",
    ),
    "all sites must have unique names": _Advice(
        "another name for each site, plate and deterministic", "rename one of the two"
    ),
}


def raised(error: Exception, shared: list[tuple[str, str | None]], model: Callable[..., Any], data: Any) -> Problem:
    """The mistake of a model that raised for universes that share these options; data: what it was given."""
    if isinstance(model, OnlySimulates):
        return _simulator_raised(error, shared, model, data)
    if isinstance(error, concretization_errors()):
        what = f"the model branches in Python on the value of a site, or uses NumPy on it{place(error)}"
        return Problem(
            in_universe(what, shared),
            "JAX operations on sites: NUTS follows gradients through them",
            "write `jnp.where(condition, a, b)` in place of `if`, and `jnp.` in place of `np.`",
        )
    advice = _of_numpyro(error) or _of_key(error, data)
    if advice is None:
        advice = _Advice(
            "a NumPyro model that runs on the prepared data of every universe",
            f"run it by itself: `numpyro.handlers.seed(model, 0)(prepared, ...)`{or_forbid(shared)}",
        )
    return Problem(in_universe(f"the model raised {said(error)}", shared), *advice)


def _simulator_raised(
    error: Exception, shared: list[tuple[str, str | None]], model: OnlySimulates, data: Any
) -> Problem:
    prior, simulate = called(model.prior), called(model.function)
    if callable(model.prior) and _ran(model.prior, error):
        return Problem(
            in_universe(f"{prior}() raised {said(error)}", shared),
            "a dict from the name of each parameter to a NumPyro distribution",
            f"call it by itself: `{prior}(...)`, with option values by name{or_forbid(shared)}",
        )
    if isinstance(error, concretization_errors()):
        what = f"{simulate}() branches in Python on what it draws or on a parameter, or uses NumPy on it{place(error)}"
        return Problem(
            in_universe(what, shared),
            "a function that JAX can trace: it is compiled, and run for many parameters at once",
            "write `jnp.where(condition, a, b)` in place of `if`, `jax.lax.while_loop` or a `jax.lax.scan` of fixed "
            "length in place of a loop until something happens, `jax.random` in place of `np.random`, and `jnp.` in "
            "place of `np.`",
        )
    advice = _of_name(error, model, data) or _Advice(
        "a simulator `(key, parameters, data, *, decisions...)` that JAX can trace",
        f"run it by itself: `{simulate}(jax.random.key(0), parameters, prepared)`{or_forbid(shared)}",
    )
    return Problem(in_universe(f"{simulate}() raised {said(error)}", shared), *advice)


def _of_name(error: Exception, model: OnlySimulates, data: Any) -> _Advice | None:
    """For a name that neither the parameters nor the prepared data have."""
    asked = error.args[0] if isinstance(error, KeyError) and error.args else None
    parameters = list(model.prior) if isinstance(model.prior, Mapping) else []
    names = list(data) if isinstance(data, Mapping) else []
    if not isinstance(asked, str) or asked in names or asked in parameters:
        return None
    known = f" ({', '.join(map(repr, parameters))})" if parameters else ""
    there = f", or of what prepare gives ({', '.join(map(repr, names))})" if names else ""
    near = near_miss(asked, [*parameters, *map(str, names)])
    return _Advice(f"one of the parameters of the prior{known}{there}", f"{near}Write the name as it is there")


def _ran(function: Callable[..., Any], error: BaseException) -> bool:
    """Whether an exception came out of a call of this function."""
    trace, code = error.__traceback__, getattr(function, "__code__", None)
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    return trace is not None


def _of_numpyro(error: Exception) -> _Advice | None:
    return next((advice for start, advice in _KNOWN.items() if str(error).startswith(start)), None)


def _of_key(error: Exception, data: Any) -> _Advice | None:
    """For a key that the prepared data do not have."""
    if not isinstance(error, KeyError) or not isinstance(data, Mapping) or not error.args:
        return None
    asked = error.args[0]
    if not isinstance(asked, str) or asked in data:
        return None
    names = [str(name) for name in data]
    return _Advice(
        f"one of what prepare gives the model: {', '.join(map(repr, names)) or 'nothing'}",
        f"{near_miss(asked, names)}Write the name as prepare returns it, or let prepare return {asked!r} too",
    )
