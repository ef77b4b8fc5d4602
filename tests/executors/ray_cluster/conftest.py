"""One Ray cluster for all tests of this folder that need one: started for the first of them, stopped after the last."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from multiverse.store.contract import Store, Table
from multiverse.store.end_state import end_state

TEST_SECONDS = 150  # before a test is given up: none of them takes half as long on two busy cores
STORE_BYTES = 100 * 2**20  # of a node's object store
ROAMS = "roams"  # a resource that the head has once, and each node that a test adds


@pytest.fixture(autouse=True)
def bounded(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that waits for ever fails."""
    if request.node.get_closest_marker("ray") is None:
        yield
        return

    def give_up(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def forking() -> Iterator[None]:
    """JAX warns of forks; what Ray starts here is another program at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
        yield


class Machines:
    """The cluster: a head of two cores, and nodes that tests add and take away."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.address: str = cluster.address

    @contextmanager
    def node(self, **settings: Any) -> Iterator[Any]:
        """One more node, for as long as this is entered."""
        with forking():
            node = self._cluster.add_node(object_store_memory=STORE_BYTES, **{"num_cpus": 0, **settings})
        try:
            yield node
        finally:
            if node in self.nodes:
                self.remove(node, gracefully=True)

    @property
    def nodes(self) -> set[Any]:
        """The nodes that were added and are there."""
        return set(self._cluster.worker_nodes)

    def remove(self, node: Any, *, gracefully: bool) -> None:
        """Shut a node down, or cut it off."""
        self._cluster.remove_node(node, allow_graceful=gracefully)


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """The cluster, to which this process is connected."""
    from ray.cluster_utils import Cluster

    from multiverse.executors.ray_cluster.cluster import connect, imported

    head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": STORE_BYTES, "resources": {ROAMS: 1}}
    with forking():
        cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        connect(cluster.address)
        yield Machines(cluster)
    finally:
        imported().shutdown()
        cluster.shutdown()


@pytest.fixture
def free(machines: Machines) -> Callable[[], None]:
    """Waits until nobody uses the cores of the head, and fails if somebody keeps them."""

    def wait() -> None:
        import ray

        until = time.monotonic() + 30
        while ray.available_resources().get("CPU", 0) < 2:
            assert time.monotonic() < until, f"cores are still taken: {ray.available_resources()}"
            time.sleep(0.2)

    return wait


class Events:
    """A progress that calls a function whenever universes were answered, with how many there are in all."""

    def __init__(self, then: Callable[[int], None]) -> None:
        self._then, self.notes, self._done = then, list[str](), 0

    @contextmanager
    def __call__(self, task: str, total: int, unit: str) -> Iterator[Callable[..., None]]:
        def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
            if task == "answering universes":
                self._done += count
                self.notes.append(note)
                if count:  # none where a thread of its own tells that time passes
                    self._then(self._done)

        yield advance


@pytest.fixture
def events() -> type[Events]:
    """The class of such a progress."""
    return Events


@pytest.fixture
def once_each() -> Callable[[Store], Table]:
    """The end state of a store, in which each universe has one row, and no more than one in all its parts."""

    def ended(store: Store) -> Table:
        rows, state = store.scan("part"), end_state(store)
        assert rows.num_rows == state.num_rows == len(set(state["key"].to_pylist()))
        assert all(state["final"].to_pylist())
        return state

    return ended
