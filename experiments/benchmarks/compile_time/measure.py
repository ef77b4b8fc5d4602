"""What compiling costs, by engine: with an empty cache, with a full one, and side by side on two cores.

python measure.py [--engine nuts ...] [--study radon] [--study regressions]     prints a table
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "warm_nuts"))
HERE = "--in-this-process"
ENGINES = ("laplace", "nested", "warm_nuts", "nuts")


def measure(study: str, engine: str) -> dict[str, float]:
    """CPU and wall seconds of answering the first universe, less those of answering it again."""
    from compare import studies

    import multiverse as mv
    from multiverse.engines.by_name import ENGINES as KINDS
    from multiverse.testing_engines import answer

    plan = mv.plan(studies()[study].study)
    plan = plan.without(plan.keys[1:])
    chosen = KINDS[engine](ladder=()) if "nuts" in engine else KINDS[engine]()
    times = []
    for _ in range(2):
        began = time.perf_counter(), time.process_time()
        answer(chosen, plan)
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return {"wall": times[0][0] - times[1][0], "cpu": times[0][1] - times[1][1]}


def side_by_side() -> dict[str, float]:
    """Wall seconds of compiling two programs one after the other, and other two in two threads; no cache."""
    from compare import studies

    import multiverse as mv
    from multiverse.testing_engines import answer

    plan = mv.plan(studies()["radon"].study)
    engine = mv.NUTS(ladder=(), warmup=20, draws=20, max_tree_depth=2)
    only = [plan.without(set(plan.keys) - {min(program.members)}) for program in plan.programs[:4]]
    began = time.perf_counter()
    for one in only[:2]:
        answer(engine, one)
    then = time.perf_counter()
    threads = [threading.Thread(target=answer, args=(engine, one)) for one in only[2:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"one after the other": then - began, "two threads": time.perf_counter() - then}


def elsewhere(cache: str, *arguments: str) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, HERE, *arguments]
    done = subprocess.run(
        command, env={**os.environ, "MULTIVERSE_CACHE": cache}, check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--study", action="append", choices=["regressions", "radon"])
    parser.add_argument("--side-by-side", action="store_true")
    parser.add_argument(HERE, nargs="+", dest="here", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(side_by_side() if asked.here == ["threads"] else measure(*asked.here)))
        return
    if asked.side_by_side:
        print(elsewhere("", "threads"))
        return
    print("| study | engine | empty cache: CPU s | wall s | full cache: CPU s | wall s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for study in asked.study or ["regressions", "radon"]:
        for engine in asked.engine or [e for e in ENGINES if (study, e) != ("regressions", "nested")]:
            with tempfile.TemporaryDirectory() as cache:
                cold, warm = (elsewhere(cache, study, engine) for _ in range(2))
            numbers = [times[name] for times in (cold, warm) for name in ("cpu", "wall")]
            print(f"| {study} | {engine} | {' | '.join(f'{number:.1f}' for number in numbers)} |", flush=True)


if __name__ == "__main__":
    main()
