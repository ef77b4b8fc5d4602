"""One thread at a time may run a NumPyro model: NumPyro keeps its handlers on one stack for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

# Of what runs a few times: the safety check of radon compiles in 0.2 s a program, not 0.6 s, `begin` of NUTS in 0.3 s,
# not 2.2 s.
QUICK_COMPILE: Final[Mapping[str, Any]] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
# Of what is optimised, but runs once a block: `finish` of NUTS compiles in 0.4 s against 1.1 s, and runs as fast.
PLAIN_COMPILE: Final[Mapping[str, Any]] = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}

TRACING = threading.RLock()  # held while a model is traced; compiling and running need no model, and no lock


def compiled(function: Callable[..., Any], *arguments: Any, options: Mapping[str, Any] | None = None) -> Any:
    """The function compiled for arguments of these shapes, on this thread's default device."""
    import jax

    on_cpu = getattr(here(), "platform", here()) == "cpu"
    asked = dict(options or {}) if on_cpu else {}  # measured on CPUs; others may not know them
    with TRACING:
        lowered = jax.jit(function, compiler_options=asked or None).lower(*arguments)
    return lowered.compile()


def here() -> Any:
    """The default device of this thread, on which programs are compiled."""
    import jax

    return cast(Any, jax.config).jax_default_device or jax.local_devices()[0]
