"""What to tell a person whose model raised: the line, the universes, and a mend for what first models get wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from multiverse.errors import Problem, near_miss
from multiverse.planning.alike import in_universe, or_forbid, place, said
from multiverse.planning.branching import concretization_errors


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


def raised(error: Exception, shared: list[tuple[str, str | None]], data: Any) -> Problem:
    """The mistake of a model that raised for universes that share these options; data: what it was given."""
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
