"""Programs that call LAPACK, and why several of them side by side may wait for each other for ever.

XLA's CPU client (seen with jaxlib 0.10.2) runs a batched Cholesky, LU, eigen or singular value decomposition on a
worker of its thread pool, hands the batch to the same pool, and waits there. With as many such calls under way as the
pool has workers, nobody is left to do the work. A larger pool helps, and can only be asked for before JAX starts.
"""

from __future__ import annotations

import os
from typing import Any, Final

from multiverse.cores import cores

LAPACK: Final = "lapack_"  # how XLA calls what it hands to LAPACK
POOL: Final = "NPROC"  # the environment variable that sets the size of XLA's pool
WORKERS_A_CORE: Final = 4  # no hang seen in some thousand calls from two threads on two cores; 1.5 a core hung


def uses_lapack(program: Any) -> bool:
    """Whether a compiled program calls LAPACK."""
    return LAPACK in program.as_text()


def lapack_note() -> str:
    """What a plan says of programs that call LAPACK; empty where the pool was made larger, or on accelerators."""
    import jax

    if POOL in os.environ or jax.local_devices()[0].platform != "cpu":
        return ""
    return (
        "linear algebra in the model (a Cholesky factor, an inverse) can make XLA's threads wait for each other for "
        f"ever: if a run stands still, start it with {POOL}={WORKERS_A_CORE * cores()} in the environment, "
        "at some 20 % of the speed"
    )
