"""Write a store of made-up outcomes with several processes, read it in another, compact it, read it again.

python experiments/benchmarks/store_load/measure.py --universes 100000 --draws 300
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from multiverse.store.compact import compact
from multiverse.store.folder import FolderStore
from multiverse.store.synthetic_load import OPTIONS, Load

REPEATS = 5
CURVE = f"""select key, {", ".join(OPTIONS)}, median, q2_5, q97_5
from estimates where estimand = 'effect' order by median"""  # what a specification curve needs of all universes


def measure(load: Load, writers: int, folder: Path) -> dict[str, Any]:
    """All numbers, in seconds and bytes; the two readers are processes of their own."""
    store = FolderStore(folder)
    planned = timed(lambda: load.begin(store))
    began = time.perf_counter()
    words = [load.universes, load.batch, load.draws]
    running = [role("write", folder, *words, first, writers) for first in range(writers)]
    for process in running:
        said(process)
    writing = time.perf_counter() - began
    before = said(role("read", folder))
    packing = timed(lambda: compact(store))
    after = said(role("read", folder))
    return {
        "universes": load.universes,
        "parts": len(store.names("part")),
        "writers": writers,
        "put the plan": planned["wall"],
        "write": writing,
        "universes a second": load.universes / writing,
        "size of parts": sum(file.stat().st_size for file in (folder / "parts").iterdir()),
        "size of the pack": sum(file.stat().st_size for file in (folder / "packs").iterdir()),
        "compact": packing,
        "before": before,
        "after": after,
    }


def write(folder: str, universes: str, batch: str, draws: str, first: str, step: str) -> dict[str, Any]:
    """Every `step`-th part, as one of several writers."""
    load, store = Load(int(universes), int(batch), int(draws)), FolderStore(Path(folder))
    return timed(lambda: [load.write(store, part) for part in range(int(first), load.parts, int(step))])


def read(folder: str) -> dict[str, Any]:
    """What a reader waits for, and the memory of its process at most."""
    import duckdb  # noqa: F401  so that the memory of libraries is told apart
    import pandas  # noqa: F401

    from multiverse.cli.run_state import run_states
    from multiverse.store.lazy_draws import universe_data
    from multiverse.store.sql import ask
    from multiverse.store.views import open_views

    store, imported = FolderStore(Path(folder)), peak()
    status = timed(lambda: run_states(store))
    counted = run_states(store)[0]
    answers: list[Any] = []
    opening = timed(lambda: answers.append(open_views(store)))
    with closing(answers.pop()) as con:
        curves = [timed(lambda: answers.append(ask(con, CURVE))) for _ in range(REPEATS)]
    curve, most = answers[0], peak()
    draws = timed(lambda: universe_data(store, "main", curve["key"].iloc[len(curve) // 2]))
    return {
        "answered": counted.answered,
        "green": counted.green,
        "rows": len(curve),
        "sorted": bool(curve["median"].is_monotonic_increasing),
        "status": status,
        "open the views": opening,
        "curve": {clock: statistics.median(one[clock] for one in curves) for clock in ("wall", "cpu")},
        "curve at best": {clock: min(one[clock] for one in curves) for clock in ("wall", "cpu")},
        "draws of one universe": draws,
        "memory of libraries": imported,
        "memory": most,
    }


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds on the wall, and of this process on all cores."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def peak() -> int:
    """Bytes that this process held in memory at most (Linux). `getrusage` would tell its parent's, if that had more."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def role(name: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, name, *map(str, words)], stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{process.args} ended with {process.returncode}")
    return dict(json.loads(out))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--universes", type=int, default=100_000)
    options.add_argument("--batch", type=int, default=256)
    options.add_argument("--draws", type=int, default=0, help="of each of four chains, kept of one estimand")
    options.add_argument("--writers", type=int, default=2)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load = Load(asked.universes, asked.batch, asked.draws)
        print(json.dumps(measure(load, asked.writers, Path(folder) / "store"), indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] in (["write"], ["read"]):
        print(json.dumps({"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])))
    else:
        main()
