"""Arithmetic that does not depend on the lane: no fused multiply-add on x86 CPUs.

XLA's CPU compiler contracts `a * b + c` to one rounding or two as it likes, and not alike in the vectorised body of a
loop and in its scalar rest, where the last lanes of a block may be. A universe would then have other bits in another
lane: after a resume, or beside other universes. Without the instruction every operation rounds once, wherever it is
(and AVX2 and AVX-512 machines agree, but for what BLAS computes: `blas.py`). Measured: 12 % of the time of a
Student-t regression.
"""

from __future__ import annotations

import functools
import os
import platform

FLAG = "--xla_cpu_max_isa"  # XLA reads it once, when JAX first touches a device
NEWEST_WITHOUT_FUSED = "AVX"  # Intel Software Developer's Manual, vol. 1, 14.5: FMA came with AVX2
X86 = ("x86_64", "AMD64")


def forgo_fused_arithmetic() -> None:
    """Tell XLA, unless the user has chosen instructions by `XLA_FLAGS`. Comes too late once JAX has used a device."""
    flags = os.environ.get("XLA_FLAGS", "")
    if platform.machine() in X86 and FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {FLAG}={NEWEST_WITHOUT_FUSED}".strip()


@functools.cache
def is_fused() -> bool:
    """Whether compiled programs fuse: on other CPUs, with the user's own flags, or where JAX was there first.

    Asks the compiler, once, on this thread's default device.
    """
    import jax
    import numpy as np

    # (1 + e)^2 - (1 + 2e) with e = 2^-12: the e^2 that remains is lost where the product is rounded by itself.
    e = np.float32(2.0**-12)
    left = jax.jit(lambda a, b: a * a - b)(np.full(8, 1 + e), np.full(8, 1 + 2 * e))
    return bool(np.any(np.asarray(left) != 0))
