"""Arithmetic that does not depend on the lane, and is right: no fused multiply-add on x86 CPUs, no sums that are wrong.

XLA's CPU compiler contracts `a * b + c` to one rounding or two as it likes, and not alike in the vectorised body of a
loop and in its scalar rest, where the last lanes of a block may be. A universe would then have other bits in another
lane: after a resume, or beside other universes. Without the instruction every operation rounds once, wherever it is
(and AVX2 and AVX-512 machines agree, but for what BLAS computes: `blas.py`). Measured: 12 % of the time of a
Student-t regression.

jaxlib 0.10.2 computes some sums over large arrays wrongly on a CPU, without a word: a sum of squares over rows from the
32,769th number on (https://github.com/jax-ml/jax/issues/39103; 0.10.1 does not). Log densities are such sums. With the
fusion of reductions that is at fault left out they are right.
"""

from __future__ import annotations

import functools
import os
import platform

FLAG = "--xla_cpu_max_isa"  # XLA reads it once, when JAX first touches a device
NEWEST_WITHOUT_FUSED = "AVX"  # Intel Software Developer's Manual, vol. 1, 14.5: FMA came with AVX2
X86 = ("x86_64", "AMD64")
SUMS_FLAG = "--xla_cpu_experimental_ynn_fusion_type"
WITHOUT_WRONG_SUMS = "-LIBRARY_FUSION_TYPE_REDUCE"  # all that is fused by default but reductions
WRONG_SUMS = ("0.10.2",)  # versions of jaxlib; others may not know the flag, and XLA ends a process for one it does not
ROWS_SUMMED = 32_769  # as in the report: of three numbers each, in float32


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


def forgo_wrong_sums() -> None:
    """Tell XLA, where this jaxlib needs it, unless the user has. Comes too late once JAX has used a device."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _jaxlib() in WRONG_SUMS and SUMS_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {SUMS_FLAG}={WITHOUT_WRONG_SUMS}".strip()


@functools.cache
def sums_are_right() -> bool:
    """Whether compiled sums are: not with a jaxlib that gets them wrong if JAX was there first, or by the user's flags.

    Asks the compiler, once, on this thread's default device, and only where the version is known to be at fault.
    """
    if _jaxlib() not in WRONG_SUMS:
        return True
    import jax
    import numpy as np

    x = np.zeros((ROWS_SUMMED, 3), np.float32)
    x[:, 0] = np.arange(ROWS_SUMMED)
    squares = jax.jit(jax.vmap(lambda row: ((np.eye(3, dtype=np.float32) @ row) ** 2).sum()))(x)
    return bool(np.array_equal(np.asarray(squares), np.square(x[:, 0])))


def _jaxlib() -> str:
    from jaxlib.version import __version__  # metadata of packages takes three times as long to ask

    return str(__version__)
