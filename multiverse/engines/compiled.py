"""Compiled programs: JAX's persistent cache on disk; in this process one compilation a program, shape and device."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, cast

CACHE_VARIABLE = "MULTIVERSE_CACHE"  # the folder of the compilation cache; empty: no cache
CACHE_MIN_SECONDS = 0.3  # programs that compile faster are not worth a file


class Once:
    """Values made once for each key, though many threads ask: the second asker waits for the first."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._values: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of a key, made by `make` when it is not there yet."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
            return self._values[key]


def cache_folder() -> Path | None:
    """Where compiled programs are kept between processes; None when that is switched off."""
    import platformdirs

    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen == "":
        return None
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("multiverse")) / "compiled"


def use_cache() -> None:
    """Switch on JAX's persistent compilation cache, unless the user has set one up."""
    import jax

    folder, config = cache_folder(), cast(Any, jax.config)
    if folder is None or config.jax_compilation_cache_dir is not None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    config.update("jax_compilation_cache_dir", str(folder))
    config.update("jax_persistent_cache_min_compile_time_secs", CACHE_MIN_SECONDS)
    config.update("jax_persistent_cache_min_entry_size_bytes", -1)
