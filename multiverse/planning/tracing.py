"""One thread at a time may run a NumPyro model: NumPyro keeps its handlers on one stack for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

TRACING = threading.RLock()  # held while a model is traced; compiling and running need no model, and no lock


def compiled(
    function: Callable[..., Any],
    *arguments: Any,
    options: Mapping[str, Any] | None = None,
    donate: tuple[int, ...] = (),
) -> Any:
    """The function compiled for arguments of these shapes, on this thread's default device.

    donate: the numbers of arguments whose memory it may use again; they cannot be read afterwards.
    """
    import jax

    chosen = dict(options) if options else None
    with TRACING:
        lowered = jax.jit(function, compiler_options=chosen, donate_argnums=donate).lower(*arguments)
    return lowered.compile()
