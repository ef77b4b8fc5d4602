"""Structure picks the program, leaves fill the batch: how a value is taken apart into the two.

Floats and arrays are leaves: they are batched over universes. Everything else (the tree, shapes, dtypes, plain ints,
bools, strings, callables) is structure: it decides what XLA compiles. NumPyro distributions are trees like any other.
Leaves are named by path, never by position: NumPyro orders the fields of a distribution by a set of strings, which
differs between processes, and the compilation cache needs one order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multiverse.identity.fingerprint import fingerprint

Leaves = dict[str, np.ndarray]
Rebuild = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Structure:
    """What is left of a value without its leaves: a text that tells structures apart, and the way back.

    text: equal for values that can share a program (shapes and dtypes of leaves are not in it, see `signature`).
    rebuild: takes leaves by path (arrays or tracers) and gives the value.
    """

    text: str
    rebuild: Rebuild = field(compare=False, repr=False)


def take_apart(value: Any, path: str = "") -> tuple[Structure, Leaves]:
    """The structure of a value and its leaves by path: float64, int32 or bool arrays.

    Raises FingerprintError where a static part has no stable identity, TypeError for complex numbers.
    """
    from numpyro.distributions import Distribution

    if isinstance(value, Distribution):
        return _distribution(value, path)
    if isinstance(value, Mapping):
        return _container(
            "dict", {str(k): v for k, v in value.items()}, path, lambda parts, keys=tuple(value): _dict(keys, parts)
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        kind = type(value)
        return _container(kind.__qualname__, dict(zip(value._fields, value, strict=True)), path, lambda p: kind(**p))
    if isinstance(value, list | tuple):
        kind = type(value)
        return _container(kind.__name__, {str(i): v for i, v in enumerate(value)}, path, lambda p: kind(p.values()))
    if is_leaf(value):
        array = canonical(value)
        return Structure("leaf", lambda leaves: leaves[path]), {path: array}
    return _registered(value, path) or _static(value)


def is_leaf(value: Any) -> bool:
    """True for floats and for arrays of numbers or bools: what the batch axis can carry."""
    if isinstance(value, bool | int | str | bytes) or value is None:
        return False
    if isinstance(value, float | np.floating):
        return True
    if isinstance(value, np.generic):
        return False  # an np.int64 is a plain int, an np.bool_ a plain bool
    return hasattr(value, "dtype") and hasattr(value, "shape") and np.dtype(_dtype(value)).kind in "biuf"


def canonical(value: Any) -> np.ndarray:
    """The value as a float64, int32 or bool array; an engine casts the floats to its own dtype."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, dtype=np.float64).reshape(array.shape)
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int32).reshape(array.shape)
    return array


def signature(leaves: Mapping[str, np.ndarray]) -> str:
    """Shapes and dtypes of leaves, by path: with the structure it decides what is compiled."""
    return ";".join(f"{path}:{a.dtype.kind}{list(a.shape)}" for path, a in sorted(leaves.items()))


def _dtype(value: Any) -> Any:
    try:
        return np.dtype(value.dtype)
    except TypeError:  # a pandas or JAX extension dtype
        return np.dtype("O")


def _dict(keys: tuple[Any, ...], parts: Mapping[str, Any]) -> dict[Any, Any]:
    return {key: parts[str(key)] for key in keys}


def _container(
    kind: str, parts: Mapping[str, Any], path: str, build: Callable[[dict[str, Any]], Any]
) -> tuple[Structure, Leaves]:
    structures: dict[str, Structure] = {}
    leaves: Leaves = {}
    for name, part in parts.items():
        structures[name], below = take_apart(part, f"{path}/{name}")
        leaves |= below
    text = f"{kind}({', '.join(f'{name}={structures[name].text}' for name in sorted(structures))})"
    return Structure(text, lambda at: build({name: s.rebuild(at) for name, s in structures.items()})), leaves


def _static(value: Any) -> tuple[Structure, Leaves]:
    return Structure(f"{type(value).__name__}:{fingerprint(value)}", lambda _: value), {}


def _distribution(value: Any, path: str) -> tuple[Structure, Leaves]:
    kind = type(value)
    children, aux = value.tree_flatten()
    names = kind.gather_pytree_data_fields()
    constraints = kind.arg_constraints
    parts = {n: _as_parameter(c, constraints.get(n)) for n, c in zip(names, children, strict=True)}
    fields = dict(zip(kind.gather_pytree_aux_fields(), aux, strict=True))
    fixed = ",".join(f"{n}={fingerprint(v)}" for n, v in sorted(fields.items()) if n != "_validate_args")

    def build(rebuilt: dict[str, Any]) -> Any:
        return kind.tree_unflatten(aux, tuple(rebuilt[n] for n in names))

    return _container(f"{kind.__module__}.{kind.__qualname__}[{fixed}]", parts, path, build)


def _as_parameter(value: Any, constraint: Any) -> Any:
    """Cast a plain int to float, unless the parameter is an integer: `Normal(0, 10)` is `Normal(0.0, 10.0)`."""
    whole = getattr(constraint, "is_discrete", False)
    if whole or isinstance(value, bool) or not isinstance(value, int | np.integer | np.ndarray):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind not in "iu":
        return value
    return np.asarray(value, dtype=np.float64)


def _registered(value: Any, path: str) -> tuple[Structure, Leaves] | None:
    """Any other registered pytree, such as a NumPyro transform; None when the value is not one."""
    from jax.tree_util import default_registry

    if value is None or (flat := default_registry.flatten_one_level(value)) is None:
        return None
    kind = type(value)
    children = {str(i): _as_parameter(c, None) for i, c in enumerate(flat[0])}

    def build(rebuilt: dict[str, Any]) -> Any:
        return kind.tree_unflatten(flat[1], tuple(rebuilt.values()))

    return _container(f"{kind.__qualname__}[{fingerprint(flat[1])}]", children, path, build)
