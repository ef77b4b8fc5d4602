"""What happens inside a process that calls a person's functions. Imports nothing heavy: see `prepare`."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from multiverse.own_modules import Source

WATCH: Final = 1.0  # seconds between two looks at whether the process that started this one still runs

_ENVIRONMENT: Final = {  # before NumPy or JAX is imported: a process has one core
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_ENABLE_X64": "1",  # estimates are computed in float64, here and where functions are vectorised
}


class Answered(NamedTuple):
    """What a call gave. value: where nothing went wrong. failure: "raised", "time", "crash", or empty."""

    value: Any
    failure: str = ""
    message: str = ""
    traceback: str = ""
    seconds: float = 0.0


def prepare(modules: Mapping[str, Source]) -> None:
    """What a new process does first. modules: a person's own, which were sent here and lie in no file of this machine.

    Ctrl-C is heard by the process that started it, which stops this one.
    """
    import signal

    from multiverse.own_modules import install

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_ENVIRONMENT)
    install(modules)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it was killed: a long call would go on for nobody."""
    import time

    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def answer(payload: bytes) -> Answered:
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
