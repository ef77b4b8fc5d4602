"""A leaf on which the model branches in Python cannot be batched: it moves to the structure, and the plan says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from multiverse.planning.model_trace import ModelTrace, trace_model
from multiverse.planning.padding import MASK
from multiverse.planning.structure import Leaves


class Traced(NamedTuple):
    """A model traced with as many leaves batched as it allows; `fixed` holds the others, as plain values."""

    trace: ModelTrace
    fixed: dict[str, Any]


def trace_batched(model: Callable[[Mapping[str, Any]], Any], leaves: Leaves) -> Traced:
    """Trace a model of leaves; where it branches on some of them, find the fewest that must be known.

    Raises what the model raises when it fails even with all leaves known.
    """
    try:
        return Traced(trace_model(model, leaves), {})
    except Exception:  # tracers fail in many ways: `if`, NumPy, a shape, a key of a dict
        fixed = {path: plain(leaf) for path, leaf in leaves.items() if path != MASK}
        trace = _traced(model, leaves, fixed)  # raises when the fault is not that leaves are tracers
    for path in sorted(fixed):
        fewer = {p: value for p, value in fixed.items() if p != path}
        try:
            trace = _traced(model, leaves, fewer)
        except Exception:
            continue
        fixed = fewer
    return Traced(trace, fixed)


def plain(leaf: np.ndarray) -> Any:
    """A leaf as a person would have written it: a float, or the array."""
    return leaf.item() if leaf.ndim == 0 else leaf


def _traced(model: Callable[[Mapping[str, Any]], Any], leaves: Leaves, fixed: Mapping[str, Any]) -> ModelTrace:
    batched = {path: leaf for path, leaf in leaves.items() if path not in fixed}
    return trace_model(lambda at: model({**fixed, **at}), batched)


def concretization_errors() -> tuple[type[Exception], ...]:
    """What JAX raises where a value must be known while a model is traced."""
    from jax.errors import (
        ConcretizationTypeError,
        NonConcreteBooleanIndexError,
        TracerArrayConversionError,
        TracerIntegerConversionError,
    )

    return (
        ConcretizationTypeError,
        NonConcreteBooleanIndexError,
        TracerArrayConversionError,
        TracerIntegerConversionError,
    )
