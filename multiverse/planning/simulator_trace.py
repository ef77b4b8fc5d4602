"""A simulator traced: what it gives is compared, on abstract values, with what was observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, Final

import numpy as np

from multiverse.errors import PlanError, Problem, near_miss
from multiverse.planning.bind import a, called
from multiverse.planning.leaf_path import step
from multiverse.planning.only_simulates import WHOLE, OnlySimulates
from multiverse.planning.program import Signature

NUMBERS: Final = "biuf"  # kinds of dtype that a network can take
COUNTS: Final = "biu"  # those of values that are counted


def simulating(signature: Signature) -> Callable[[Mapping[str, Any]], Any]:
    """A model of leaves to trace: of an analysis that only simulates its prior and its simulation, else the signature.

    What is simulated becomes observed sites, so that sites and mistakes are found as those of any model are, and an
    option that the simulator must know becomes structure. Raises PlanError where the simulation is not of the shape of
    what was observed, with all that is wrong; and whatever the user's functions raise.
    """
    model = signature.model
    if not isinstance(model, OnlySimulates):
        return signature

    def whole(leaves: Mapping[str, Any]) -> None:
        import numpyro
        from numpyro.distributions import Delta

        parameters = signature(leaves)
        data, options = signature.arguments(leaves)
        told = model.simulated(numpyro.prng_key(), parameters, data, options)
        arrays = signature.fixed.keys() | leaves.keys()  # by path: everything else is a part of the program
        if problems := list(_misfits(called(model.function), told, data, parameters, arrays)):
            raise PlanError(problems)
        observed = model.observed(data)
        for name in told:
            shaped = np.zeros(np.shape(observed[name]))
            numpyro.sample(name, Delta(shaped).to_event(), obs=shaped)

    return whole


def _misfits(
    who: str, told: Mapping[Any, Any], data: Any, parameters: Mapping[str, Any], arrays: Set[str]
) -> Iterator[Problem]:
    """What keeps simulated data from standing where the observed ones do."""
    in_dict, unnamed = isinstance(data, Mapping), set(told) == {WHOLE}
    if not told or (unnamed and told[WHOLE] is None):
        yield Problem(
            f"{who}() gives {'an empty dict' if not told else 'None'}.",
            "data as they might have been observed",
            f"end {who}() with `return {_written(data)}`",
        )
    elif not in_dict and "" not in arrays:
        yield Problem(
            f"the prepared data are {a(data)}.",
            "an array, or a dict of arrays: what is simulated stands where the observed values do",
            'let prepare return a dict, as in `{"y": y, "times": times}`',
        )
    elif not in_dict and not unnamed:
        yield Problem(
            f"{who}() gives a dict with {_listed(told)}, but the prepared data are one array.",
            "an array of its shape, as what was observed has no name",
            f"return the array by itself, or let prepare return a dict: `{{{next(iter(told))!r}: ...}}`",
        )
    elif in_dict and unnamed and WHOLE not in data:
        yield Problem(
            f"{who}() gives {_shown(told[WHOLE])}, but the prepared data are a dict.",
            f"a dict of arrays by names that the prepared data have: {_listed(data)}",
            f"write `return {_written(data, np.shape(told[WHOLE]))}`",
        )
    else:
        observed = data if in_dict else {WHOLE: data}
        for name, value in told.items():
            if name not in observed:
                near = near_miss(str(name), map(str, observed))
                yield Problem(
                    f"{who}() gives {name!r}, which the prepared data do not have.",
                    f"names of what was observed, as prepare returns them: {_listed(observed)}",
                    f"{near}Name it as prepare does, or leave it out of what {who}() returns",
                )
            elif name in parameters:
                yield Problem(
                    f"{name!r} is both a parameter of the prior and something that {who}() gives.",
                    "a name for each: draws and data are told apart by it",
                    f"call the parameter `{name}_rate`, say",
                )
            elif in_dict and f"/{step(name)}" not in arrays:
                yield Problem(
                    f"what was observed as data[{name!r}] is {a(observed[name])}.",
                    "an array of numbers: other values are a part of the program",
                    f'write `"{name}": np.asarray(...)` in what prepare returns',
                )
            else:
                yield from _misfit(who, name, value, observed[name], f"data[{name!r}]" if in_dict else "data")


def _misfit(who: str, name: str, value: Any, seen: Any, there: str) -> Iterator[Problem]:
    """What keeps one simulated array from standing where the observed one does. there: where that is, in words."""
    kind = np.dtype(getattr(seen, "dtype", type(seen)))
    if (dtype := _dtype(value)) is None or dtype.kind not in NUMBERS:
        yield Problem(
            f"{who}() gives {_shown(value)} for {name!r}.",
            "an array of numbers",
            "write `jnp.asarray(...)`" if dtype is None else f"return `{name}.real` and `{name}.imag`, or one of them",
        )
    elif np.shape(value) != np.shape(seen):
        yield Problem(
            f"{who}() gives {name!r} of shape {np.shape(value)}, but {there} has shape {np.shape(seen)}.",
            "the shape of what was observed: a number for each of its values",
            f"take the size from the data, as in `shape={there}.shape`; where a part was observed, return that part",
        )
    elif dtype.kind == "f" and kind.kind in COUNTS:
        yield Problem(
            f"{who}() gives {name!r} as {dtype}, but {there} has {kind}.",
            "counts where counts were observed: no simulation could be what was seen",
            f"return counts, as `jax.random.poisson` gives them, or `jnp.round(...).astype(int)`; where they only look "
            f'like counts, let prepare return floats, `"{name}": {name}.astype(float)`',
        )


def _dtype(value: Any) -> np.dtype[Any] | None:
    """The dtype that JAX gives a value; None where it is no array."""
    import jax.numpy as jnp

    try:
        return np.dtype(jnp.asarray(value).dtype)
    except (TypeError, ValueError):
        return None


def _shown(value: Any) -> str:
    return f"an array of {value.dtype}" if hasattr(value, "dtype") else a(value)


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "none"


def _written(data: Any, shape: tuple[int, ...] | None = None) -> str:
    """How one would return data like these; of a dict the first entry of this shape."""
    if not isinstance(data, Mapping):
        return "values"
    fits = [name for name, entry in data.items() if shape is None or np.shape(entry) == shape]
    name = next(iter([*fits, *data]), "y")
    return f"{{{name!r}: {name if str(name).isidentifier() else 'values'}}}"
