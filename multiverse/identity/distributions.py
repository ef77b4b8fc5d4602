"""Fingerprints of NumPyro distributions, transforms and constraints: the class and its leaves.

`Normal(0, 10)` equals `Normal(0.0, 10.0)`: numbers in a distribution stand for reals, unless its `arg_constraints` say
integer. Fields are taken by name: NumPyro orders them by a set of strings, which differs between processes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from multiverse.identity.graph import Node
from multiverse.identity.installed import is_installed_class
from multiverse.identity.plain import is_cached
from multiverse.identity.walk import Walk

# Whether arguments are checked does not change a density; the shapes and caches follow from the rest.
_NOT_CONTENT = {"_validate_args", "_inv"}


def distributions(value: Any, walk: Walk) -> Node | None:
    """Distributions, transforms and constraints."""
    numpyro = sys.modules.get("numpyro.distributions")
    if numpyro is None or isinstance(value, type) or not hasattr(numpyro, "Distribution"):
        return None
    if isinstance(value, numpyro.Distribution):
        return _distribution(value, walk)
    if isinstance(value, numpyro.transforms.Transform | numpyro.constraints.Constraint):
        return _tree(value, walk)
    return None


def _distribution(value: Any, walk: Walk) -> Node:
    kind = type(value)
    children, aux = value.tree_flatten()
    data = dict(zip(kind.gather_pytree_data_fields(), children, strict=True))
    fixed = dict(zip(kind.gather_pytree_aux_fields(), aux, strict=True))
    if not is_installed_class(kind):  # a class of the user's may hold more than it tells JAX of
        fixed = {n: v for n, v in vars(value).items() if n not in data and not is_cached(kind, n)} | fixed
    whole = {name for name, constraint in kind.arg_constraints.items() if is_whole(constraint)}
    named = {n: v if n in whole else as_real(v) for n, v in data.items()}
    named |= {
        n: as_whole(v) if n in whole else v for n, v in (fixed | {n: named[n] for n in whole & set(data)}).items()
    }
    return _by_name(kind, named, walk)


def _tree(value: Any, walk: Walk) -> Node:
    kind = type(value)
    try:
        children, (names, aux) = value.tree_flatten()
    except NotImplementedError:  # a class of the user's that does not say how it flattens
        names, children, aux = (), (), dict(vars(value))
    whole = is_whole(value)
    leaves = {n: as_whole(c) if whole else as_real(c) for n, c in zip(names, children, strict=True)}
    return _by_name(kind, leaves | dict(aux), walk, keep=frozenset(names))


def _by_name(kind: type, named: Mapping[str, Any], walk: Walk, keep: frozenset[str] = frozenset()) -> Node:
    content = [(n, v) for n, v in named.items() if n in keep or n not in _NOT_CONTENT]
    return Node("tree", [walk.part(kind), walk.pairs("leaves", content, "{!r}")])


def is_whole(constraint: Any) -> bool:
    """True where a constraint says that the values are integers (or bools)."""
    try:
        return bool(getattr(constraint, "is_discrete", False))
    except NotImplementedError:  # it depends on other arguments
        return False


def as_real(value: Any) -> Any:
    """A number, or an array of numbers, as float64; anything else, bools too, as it is."""
    array = _numbers(value)
    return value if array is None else array.astype(np.float64)


def as_whole(value: Any) -> Any:
    """An integer, or an array of integers, as int64; anything else as it is."""
    array = _numbers(value)
    return value if array is None or array.dtype.kind == "f" else array.astype(np.int64)


def _numbers(value: Any) -> np.ndarray[Any, Any] | None:
    if isinstance(value, bool) or not (isinstance(value, int | float) or hasattr(value, "dtype")):
        return None
    try:
        array = np.asarray(value)
    except TypeError:
        return None  # a random key, or a tracer, which says so itself when it is walked to
    return array if array.dtype.kind in "iuf" else None
