"""The machine and the versions that a run was computed with."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

from multiverse.arithmetic import is_fused
from multiverse.blas import kernels
from multiverse.cores import cores

PACKAGES: Final = (  # what may change a number, or in what form it is kept; only those that are installed are told
    *("multiverse", "jax", "jaxlib", "numpyro", "numpy", "scipy", "pandas", "pyarrow", "duckdb", "arviz", "xarray"),
    *("altair", "keras", "ray", "pebble", "cloudpickle", "jax-cuda12-plugin", "jax-cuda13-plugin", "libtpu"),
)

Section = dict[str, str | None]


def versions(imported: Iterable[str] = ()) -> Section:
    """Section `versions`: Python, the packages we stand on, and those that the study imports, where installed."""
    found: Section = {"python": platform.python_version()}
    for name in dict.fromkeys([*PACKAGES, *imported]):
        if (version := _version(name)) is not None:
            found[name] = version
    return found


def hardware() -> Section:
    """Section `hardware`: what the draws may depend on. Asks JAX for its devices."""
    import jax

    devices = jax.local_devices()
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "cores for us": str(cores()),
        "memory": _memory(),
        "devices": ", ".join(sorted({f"{d.platform}:{d.device_kind}" for d in devices})),
        "device count": str(len(devices)),
        "fused multiply-add": "yes" if is_fused() else "no",
        "linear algebra": kernels(),
    }


def _version(package: str) -> str | None:
    if (installed := _installed(package)) is not None:
        return installed
    version = getattr(sys.modules.get(package), "__version__", None)  # a module may be called otherwise: `sklearn`
    return version if isinstance(version, str) else None


@functools.cache
def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str | None:
    """The model of the processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, None) or _apple() or platform.processor() or None


def _apple() -> str | None:
    if platform.system() != "Darwin":
        return None
    asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _memory() -> str | None:
    """The memory of the machine, in GiB."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    return f"{size / 2**30:.1f} GiB"
