"""Linear algebra that does not depend on the cores: BLAS has one thread while universes are answered.

BLAS cuts a large matrix in as many pieces as it has threads, and so rounds otherwise: from 128 rows on a Cholesky
factor has other bits on two cores than on one (OpenBLAS 0.3.30). Batches are on all cores anyway. NumPy brings its own
BLAS, and JAX uses SciPy's on CPUs. That BLAS has other kernels for other CPUs, which round otherwise too, cannot be
helped; `blas` says which they are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS has one thread here: in this thread, and where all threads of the process share BLAS's, in the process.

    Whoever starts threads that answer holds it around them as well: the first to end would give the shared ones back.
    """
    blas = _blas()
    # Where it has one already, there is nothing to give back: not by a thread that ends after the process went on.
    is_one = all(library["num_threads"] == 1 for library in blas.info())
    with nullcontext() if is_one else blas.limit(limits=1):
        yield


def kernels() -> str:
    """The kernels that BLAS has chosen for this CPU, as in `openblas 0.3.30 Haswell`; of several libraries, sorted."""
    named = ("internal_api", "version", "architecture")
    told = {" ".join(str(library[name]) for name in named if library.get(name)) for library in _blas().info()}
    return ", ".join(sorted(told))


@functools.cache
def _blas() -> Any:
    """The BLAS libraries of this process, NumPy's and SciPy's among them."""
    import numpy  # noqa: F401
    import scipy.linalg  # noqa: F401  JAX loads it with its first factorisation, which may come later
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
