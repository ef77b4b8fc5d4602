"""One run in a process of its own: prints one line of JSON.

python side.py --side ray --study regression --count 10000 --workers 2
"""

from __future__ import annotations

import json
import tempfile
import time

BEGAN = time.perf_counter()

import click  # noqa: E402
from clock import Phases, Rehearsed, memory_mb, rows_of  # noqa: E402
from studies import STUDIES  # noqa: E402

import multiverse as mv  # noqa: E402


@click.command()
@click.option("--side", type=click.Choice(["ray", "local"]), default="ray")
@click.option("--study", type=click.Choice(list(STUDIES)), default="regression")
@click.option("--count", default=10_000)
@click.option("--workers", default=2)
@click.option("--engine", default=None)
@click.option("--store", default=None, help="A folder that stays; by default one that is removed.")
@click.option("--rehearse/--no-rehearse", default=True)
def main(
    side: str, study: str, count: int, workers: int, engine: str | None, store: str | None, rehearse: bool
) -> None:
    """Plan and run a study, and tell where the time and the memory went."""
    told: dict[str, object] = {"side": side, "study": study, "import": time.perf_counter() - BEGAN}
    began = time.perf_counter()
    inner = mv.Ray(workers=workers) if side == "ray" else mv.Local(threads=workers)
    runner = Rehearsed(inner, workers if side == "ray" else 1) if rehearse else inner
    phases = Phases()
    with tempfile.TemporaryDirectory() as folder:
        plan = mv.plan(STUDIES[study](count), progress=phases)
        told |= {"plan": time.perf_counter() - began, "planned MB": memory_mb()}
        began = time.perf_counter()
        results = mv.run(plan, store=store or f"{folder}/store", executor=runner, engine=engine, progress=phases)
        told |= {"run": time.perf_counter() - began, "run MB": memory_mb(), "green": rows_of(results)}
    told |= {"phases": phases.seconds, "planned": len(plan), "programs": len(plan.programs)}
    told |= runner.told if isinstance(runner, Rehearsed) else {}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
