"""Keras on JAX, imported when it is first needed: it takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from multiverse.errors import PlanError, Problem

Layer = Callable[[Sequence[Any], Any], Any]
"""(kernel (inputs, units) and, where it has one, bias (units,); x (..., inputs)) -> (..., units)."""


def keras() -> Any:
    """The module `keras`, which runs on JAX.

    Raises PlanError where this process has it on another backend: networks are trained inside compiled JAX programs.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    if keras.backend.backend() != "jax":
        raise PlanError(
            Problem(
                f"Keras runs on {keras.backend.backend()!r} in this process, and networks are trained inside JAX.",
                "Keras on the backend 'jax', which is chosen before its first import",
                'export KERAS_BACKEND=jax, or os.environ["KERAS_BACKEND"] = "jax" above `import keras`',
            )
        )
    return keras


def dense(inputs: int, units: int, *, activation: str | None = None, bias: bool = True) -> Layer:
    """A dense layer as a pure function of its weights, in float32 whatever JAX's or Keras' default is."""
    layer = keras().layers.Dense(
        units, activation=activation, use_bias=bias, kernel_initializer="zeros", dtype="float32"
    )
    layer.build((None, inputs))

    def apply(weights: Sequence[Any], x: Any) -> Any:
        return layer.stateless_call(list(weights), [], x)[0]

    return apply
