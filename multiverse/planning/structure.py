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

from multiverse.errors import PlanError, Problem
from multiverse.identity.distributions import is_whole
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.leaf_path import spoken, step

Leaves = dict[str, np.ndarray]
Rebuild = Callable[[Mapping[str, Any]], Any]
INTEGERS = np.iinfo(np.int32)  # JAX computes with 32-bit integers unless told otherwise, and wraps silently


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

    Raises FingerprintError where a static part has no stable identity, PlanError for integers beyond 32 bits.
    """
    from numpyro.distributions import Distribution

    if isinstance(value, Distribution):
        return _distribution(value, path)
    if isinstance(value, Mapping):
        keys = tuple(value)
        return _container(
            "dict", {step(k): v for k, v in value.items()}, path, lambda parts: {key: parts[step(key)] for key in keys}
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        named = type(value)
        return _container(_class(named), dict(zip(value._fields, value, strict=True)), path, lambda p: named(**p))
    if isinstance(value, list | tuple):
        kind: type[Any] = type(value)
        return _container(kind.__name__, {step(i): v for i, v in enumerate(value)}, path, lambda p: kind(p.values()))
    if is_leaf(value):
        array = canonical(value, path)
        if array.flags.writeable:
            array = array.copy()
            array.flags.writeable = False  # a model that changed it in place would change it for other universes
        return Structure("leaf", lambda leaves: leaves[path]), {path: array}
    return _registered(value, path) or _static(value, path)


def is_leaf(value: Any) -> bool:
    """True for floats and for arrays of numbers or bools: what the batch axis can carry."""
    if isinstance(value, bool | int | str | bytes) or value is None:
        return False
    if isinstance(value, float | np.floating):
        return True
    if isinstance(value, np.generic):
        return False  # an np.int64 is a plain int, an np.bool_ a plain bool
    return hasattr(value, "dtype") and hasattr(value, "shape") and np.dtype(_dtype(value)).kind in "biuf"


def canonical(value: Any, path: str = "") -> np.ndarray:
    """The value as a float64, int32 or bool array; an engine casts the floats to its own dtype.

    Raises PlanError for integers beyond 32 bits; `path` says where they are.
    """
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, dtype=np.float64).reshape(array.shape)
    if array.dtype.kind in "iu":
        if beyond_32_bits(array):
            raise PlanError(too_large(f"{spoken(path)} holds integers", array))
        return np.ascontiguousarray(array, dtype=np.int32).reshape(array.shape)
    return array


def beyond_32_bits(array: np.ndarray) -> bool:
    """True for integers that JAX would wrap."""
    return bool(array.size) and (int(array.max()) > INTEGERS.max or int(array.min()) < INTEGERS.min)


def too_large(what: str, array: np.ndarray) -> Problem:
    """What to say about integers beyond 32 bits."""
    worst = max(int(array.max()), int(array.min()), key=abs)
    return Problem(
        f"{what} beyond 32 bits, such as {worst}.",
        f"integers from {INTEGERS.min} to {INTEGERS.max}: JAX wraps others silently",
        "make quantities floats, `column.astype(float)`, and codes small, `codes, names = pd.factorize(column)`",
    )


def signature(leaves: Mapping[str, np.ndarray]) -> str:
    """Shapes and dtypes of leaves, by path: with the structure it decides what is compiled."""
    return ";".join(f"{path}:{a.dtype.kind}{list(a.shape)}" for path, a in sorted(leaves.items()))


def _dtype(value: Any) -> Any:
    try:
        return np.dtype(value.dtype)
    except TypeError:  # a pandas or JAX extension dtype
        return np.dtype("O")


def _class(kind: type[Any]) -> str:
    """A class, told apart from others of the same name."""
    return f"{kind.__qualname__}:{fingerprint(kind)}"


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


def _static(value: Any, path: str) -> tuple[Structure, Leaves]:
    return Structure(f"{type(value).__name__}:{fingerprint(value, name=spoken(path))}", lambda _: value), {}


def _distribution(value: Any, path: str) -> tuple[Structure, Leaves]:
    kind = type(value)
    children, aux = value.tree_flatten()
    names = kind.gather_pytree_data_fields()
    whole = {name for name, constraint in kind.arg_constraints.items() if is_whole(constraint)}
    real = kind.arg_constraints.keys() - whole
    parts = {n: c if n in whole else _real(c, arrays=n in real) for n, c in zip(names, children, strict=True)}
    fields = dict(zip(kind.gather_pytree_aux_fields(), aux, strict=True))
    fixed = ",".join(f"{n}={fingerprint(v)}" for n, v in sorted(fields.items()) if n != "_validate_args")

    def build(rebuilt: dict[str, Any]) -> Any:
        # By name, in the order of the process that rebuilds: a program may have been sent to it.
        ordered = tuple(fields[name] for name in kind.gather_pytree_aux_fields())
        return kind.tree_unflatten(ordered, tuple(rebuilt[n] for n in kind.gather_pytree_data_fields()))

    return _container(f"{_class(kind)}[{fixed}]", parts, path, build)


def _real(value: Any, *, arrays: bool) -> Any:
    """An integer as float: `Normal(0, 10)` is `Normal(0.0, 10.0)`. arrays: whether to cast arrays of integers too."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | np.integer) or (arrays and is_leaf(value) and np.asarray(value).dtype.kind in "iu"):
        return np.asarray(value, dtype=np.float64)
    return value


def _registered(value: Any, path: str) -> tuple[Structure, Leaves] | None:
    """Any other registered pytree, such as a NumPyro transform; None when the value is not one."""
    from jax.tree_util import default_registry
    from numpyro.distributions.constraints import Constraint
    from numpyro.distributions.transforms import Transform

    if value is None or (flat := default_registry.flatten_one_level(value)) is None:
        return None
    kind = type(value)
    stands_for_real = isinstance(value, Transform) or (isinstance(value, Constraint) and not is_whole(value))
    children = {str(i): _real(c, arrays=False) if stands_for_real else c for i, c in enumerate(flat[0])}

    def build(rebuilt: dict[str, Any]) -> Any:
        return kind.tree_unflatten(flat[1], tuple(rebuilt.values()))

    return _container(f"{_class(kind)}[{fingerprint(flat[1])}]", children, path, build)
