"""The radon study on a cluster of two nodes, of which one is lost half-way: is the figure that of this process?

python radon_node_lost.py     prints when the node was lost, how long each run took, and whether the figures are equal

Both nodes are on this machine, with one core each; the second one is killed with all its processes. Compared are the
data of the specification curve, byte for byte, and the end state of both stores, bit for bit.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from clock import Phases

import multiverse as mv
from multiverse.store.end_state import end_state
from multiverse.store.place import open_store

RADON = Path(__file__).parents[2] / "radon"
SWEEP = "answering universes"


class Half(Phases):
    """Phases, and one call of `then` when half of the universes are answered."""

    def __init__(self, then: Callable[[], None]):
        super().__init__()
        self._then = then

    @contextmanager
    def __call__(self, title: str, total: int, unit: str) -> Iterator[Any]:
        done, due = 0, title == SWEEP
        with super().__call__(title, total, unit):

            def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
                nonlocal done, due
                done += count
                if title == SWEEP:
                    print(f"{time.strftime('%X')}  {done} of {total} universes  {note}", flush=True)
                if due and done >= total / 2:
                    due = False
                    self._then()

            yield advance


@contextmanager
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster of two nodes with a core each; the second node."""
    import ray
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():  # JAX warns of forks; what is started here is another program at once
        warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        second = cluster.add_node(num_cpus=1)
    try:
        yield cluster, second
    finally:
        ray.shutdown()
        cluster.shutdown()


@click.command(help=__doc__)
@click.option("--figure", type=click.Path(path_type=Path), default=None, help="Keep the figures in this folder.")
def main(figure: Path | None) -> None:
    """Measure."""
    sys.path.insert(0, str(RADON))
    from study import engine, study

    with tempfile.TemporaryDirectory() as folder:
        plan = mv.plan(study)
        told: dict[str, Any] = {}

        def swept(name: str, executor: Any, phases: Phases) -> None:
            store = Path(folder, name)
            results = mv.run(plan, store=store, engine=engine, executor=executor, progress=phases)
            paths = results.curve("basement").save((figure or Path(folder)) / f"{name}.svg")
            told[name] = (paths[1].read_bytes(), end_state(open_store(store)))
            green, red = (results.status()[word] for word in ("green", "red"))
            print(f"{name}: {phases.seconds[SWEEP]:.0f} s, {green} green, {red} red", flush=True)

        swept("in-this-process", mv.Local(threads=2), Phases())
        began = time.perf_counter()
        with two_nodes() as (cluster, second):
            print(f"two nodes up after {time.perf_counter() - began:.0f} s", flush=True)

            def lose() -> None:
                cluster.remove_node(second, allow_graceful=False)
                print(f"{time.strftime('%X')}  a node is lost", flush=True)

            swept("on-two-nodes", mv.Ray(address=cluster.address), Half(lose))
    (here, state), (there, other) = told.values()
    print(f"data of the curve: {len(here):,} bytes, {'equal' if here == there else 'OTHER'}")
    print(f"end state: {state.num_rows:,} rows, {'equal' if state.equals(other) else 'OTHER'}")
    if here != there or not state.equals(other):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
