"""One thread at a time may run a NumPyro model: NumPyro keeps its handlers on one stack for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

TRACING = threading.RLock()  # held while a model is traced; compiling and running need no model, and no lock


def compiled(function: Callable[..., Any], *arguments: Any, options: Mapping[str, Any] | None = None) -> Any:
    """The function compiled for arguments of these shapes, on this thread's default device."""
    import jax

    with TRACING:
        lowered = jax.jit(function, compiler_options=dict(options) if options else None).lower(*arguments)
    return lowered.compile()
