"""Large matrices are factored with the same bits on any number of cores, and the user's threads come back."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from multiverse.blas import kernels, one_blas_thread
from multiverse.executors.local import Local
from multiverse.rerun.environment import KIND
from multiverse.store.memory import MemoryStore
from multiverse.work import SweepWork

ROWS = 256  # OpenBLAS uses all its threads from 128 rows on
_GENERATOR = np.random.default_rng(0)
_POINTS = _GENERATOR.standard_normal((ROWS, ROWS))
COVARIANCE = np.exp(-np.abs(_POINTS[:, :1] - _POINTS[:, :1].T)) + np.eye(ROWS)


class Factors:
    """An engine that factors by NumPy's BLAS, and by SciPy's as JAX does."""

    def fit(self, batch: Any, given: Any) -> tuple[bytes, ...]:
        import jax

        with jax.enable_x64(True):
            by_jax = np.asarray(jax.numpy.linalg.cholesky(COVARIANCE))
        return np.linalg.cholesky(COVARIANCE).tobytes(), np.linalg.eigh(COVARIANCE)[1].tobytes(), by_jax.tobytes()


def fitted(threads: int) -> Any:
    """What a worker makes of a batch where BLAS has so many threads."""
    batch: Any = SimpleNamespace(reads=())
    with threadpool_limits(threads, user_api="blas"):
        engine: Any = Factors()
        return SweepWork(MemoryStore(), engine, "main", {}).fit(batch)


@pytest.mark.parametrize("threads", [2, 4])
def test_factors_have_the_same_bits_in_any_number_of_threads(threads: int) -> None:
    kernels()  # SciPy's BLAS is there, so that the test can give it threads
    assert fitted(threads) == fitted(1)


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_threads_that_end_leave_the_others_with_one() -> None:
    """The first batch ends while the second is under way."""
    kernels()
    under_way, ended = threading.Event(), threading.Event()
    seen = []

    def work(batch: Any) -> tuple[()]:
        with one_blas_thread():
            if batch.first:
                assert under_way.wait(20)
                return ()
            under_way.set()
            assert ended.wait(20)
            seen.append(blas_threads())
            return ()

    batches: Any = [SimpleNamespace(first=first, program=SimpleNamespace(id="one")) for first in (True, False)]
    with threadpool_limits(2, user_api="blas"):
        for batch, _ in Local(threads=2).map(cast(Any, work), batches):
            if batch is batches[0]:
                ended.set()
        assert seen == [{1}]
        assert blas_threads() == {2}


def test_threads_come_back_where_answering_raises() -> None:
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert blas_threads() == {2}


def test_the_kernels_are_of_the_kind_of_hardware() -> None:
    """Who reruns on a CPU for which BLAS has other kernels hears of it."""
    assert "linear algebra" in KIND
    for library in threadpool_info():
        if library["user_api"] == "blas":
            assert library["version"] in kernels()
