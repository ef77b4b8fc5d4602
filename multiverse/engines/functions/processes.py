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
from typing import Any, Final

from multiverse.cores import cores
from multiverse.engines.functions.in_process import Answered, answer, prepare
from multiverse.identity.installed import is_installed_file
from multiverse.own_modules import sent_here
from multiverse.planning.function_programs import Call

_GUARD: Final = threading.Lock()
_POOLS: Final[dict[int, Any]] = {}  # by the process that owns it: a forked child has none


def call_all(calls: Sequence[Call], then: Callable[[Any], Any], *, seconds: float | None = None) -> Iterator[Answered]:
    """What `then` makes of each call, in order; `then` runs in the process of the call.

    seconds: that one call may take; None for as long as it takes. Functions and data travel by cloudpickle, so lambdas
    and functions of a notebook will do. Raises what cloudpickle raises for data that cannot travel.
    """
    from pebble import ProcessExpired

    payloads = [_packed(call, then) for call in calls]
    pool = _pool()
    futures = [pool.schedule(answer, args=(payload,), timeout=seconds) for payload in payloads]
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
            _POOLS[os.getpid()] = pool = ProcessPool(
                max_workers=cores(), context=context, initializer=prepare, initargs=(sent_here(),)
            )
            atexit.register(_stop, pool)
        return _POOLS[os.getpid()]


def _stop(pool: Any) -> None:
    pool.stop()
    pool.join()
