"""Processes of this machine that call a person's functions: all cores, each with a time limit and a death of its own.

Python functions hold Python's lock, so threads would share one core; and a function that hangs or crashes must not take
the sweep with it. Pebble stops a call that takes too long by killing its process, and tells which call a dead process
was at. Loky's processes do not import the `__main__` module again, so a script needs no `if __name__` guard.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from multiverse.cores import cores
from multiverse.identity.installed import is_installed_file
from multiverse.planning.function_programs import Call

WATCH: Final = 1.0  # seconds between two looks at whether the process that started this one still runs

_ENVIRONMENT: Final = {  # before NumPy or JAX is imported: a process has one core
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_ENABLE_X64": "1",  # estimates are computed in float64, here and where functions are vectorised
}
_GUARD: Final = threading.Lock()
_POOLS: Final[dict[int, Any]] = {}  # by the process that owns it: a forked child has none


class Answered(NamedTuple):
    """What a call gave. value: where nothing went wrong. failure: "raised", "time", "crash", or empty."""

    value: Any
    failure: str = ""
    message: str = ""
    traceback: str = ""
    seconds: float = 0.0


def call_all(calls: Sequence[Call], then: Callable[[Any], Any], *, seconds: float | None = None) -> Iterator[Answered]:
    """What `then` makes of each call, in order; `then` runs in the process of the call.

    seconds: that one call may take; None for as long as it takes. Functions and data travel by cloudpickle, so lambdas
    and functions of a notebook will do. Raises what cloudpickle raises for data that cannot travel.
    """
    from pebble import ProcessExpired

    payloads = [_packed(call, then) for call in calls]
    pool = _pool()
    futures = [pool.schedule(_call, args=(payload,), timeout=seconds) for payload in payloads]
    for future in futures:
        try:
            yield future.result()
        except TimeoutError:
            yield Answered(None, "time", f"it took longer than {seconds:g} s", seconds=seconds or 0.0)
        except ProcessExpired as error:
            yield Answered(None, "crash", f"its process died with exit code {error.exitcode}")


def _packed(call: Call, then: Callable[[Any], Any]) -> bytes:
    import cloudpickle

    # A study file is a module that no other process can import by its name: its functions travel whole.
    module = sys.modules.get(getattr(call.function, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    if module is None or file is None or is_installed_file(file) or module.__name__ == "__main__":
        return bytes(cloudpickle.dumps((call, then)))
    with _GUARD:
        cloudpickle.register_pickle_by_value(module)
        try:
            return bytes(cloudpickle.dumps((call, then)))
        finally:
            cloudpickle.unregister_pickle_by_value(module)


def _pool() -> Any:
    """The processes of this process: started with the first call, stopped at its end."""
    from loky.backend import get_context
    from pebble import ProcessPool

    with _GUARD:
        if os.getpid() not in _POOLS:
            context = get_context("loky")
            _POOLS[os.getpid()] = pool = ProcessPool(max_workers=cores(), context=context, initializer=_prepare)
            atexit.register(_stop, pool)
        return _POOLS[os.getpid()]


def _stop(pool: Any) -> None:
    pool.stop()
    pool.join()


def _prepare() -> None:
    """What a new process does first. Ctrl-C is heard by the process that started it, which stops this one."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_ENVIRONMENT)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it was killed: a long call would go on for nobody."""
    import time

    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _call(payload: bytes) -> Answered:
    """Call a function, in a process of the pool. What it raises comes back as text: not every exception can travel."""
    import time
    import traceback
    import warnings

    import cloudpickle

    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # thousands of calls, and nobody reads a worker's stderr
            call, then = cloudpickle.loads(payload)
            value = then(call.function(call.data, **call.options))
    except MemoryError as error:
        return Answered(None, "crash", f"MemoryError: {error}", traceback.format_exc(), time.perf_counter() - began)
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        return Answered(None, "raised", f"{type(error).__name__}: {error}", text, time.perf_counter() - began)
    return Answered(value, seconds=time.perf_counter() - began)
