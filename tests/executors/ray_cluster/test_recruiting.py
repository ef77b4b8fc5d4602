"""Who is let in: machines that cannot do the work end a sweep that has not begun, and none that is under way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from multiverse.errors import ExecutorError
from multiverse.executors.ray_cluster import crew as crew_file
from multiverse.executors.ray_cluster import recruiting as recruiting_file
from multiverse.executors.ray_cluster.crew import Crew, Member
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.executors.ray_cluster.hello import Hello, versions
from multiverse.executors.ray_cluster.recruiting import (
    GROW_SECONDS,
    PAUSE_SECONDS,
    STARTS_IN_VAIN,
    Recruiting,
)

ray_errors = pytest.importorskip("ray.exceptions")

GOOD = Hello("n1", "good", 1, versions(), 0, ())
BAD = Hello("n2", "bad", 1, versions(), 0, ("run-1",))
LATE = ray_errors.ActorUnavailableError("RPC error: Socket closed", None)
DEAD = ray_errors.RuntimeEnvSetupError("no such image")


class Cluster:
    """As Ray: workers that say what they are told to say. `now` is its clock."""

    exceptions = ray_errors

    def __init__(self) -> None:
        self.now, self.started, self.killed = 1000.0, 0, 0

    def remote(self, what: Any) -> Any:
        return self if isinstance(what, type) else None

    def options(self, **_: Any) -> Any:
        def start(*_: Any, **__: Any) -> Any:
            self.started += 1
            return SimpleNamespace(hello=SimpleNamespace(remote=lambda greeting: self.started))

        return SimpleNamespace(remote=start)

    def put(self, one: Any) -> Any:
        return one

    def kill(self, actor: Any) -> None:
        self.killed += 1

    def get(self, said: Any) -> Any:
        if isinstance(said, Exception):
            raise said
        return said


class Office:
    """A crew for which a cluster with room for four workers is asked."""

    def __init__(self, **settings: Any) -> None:
        self.cluster, self.crew = Cluster(), Crew()
        self.recruiting = Recruiting(Ray(**settings), self.crew, self.cluster, {})

    def start(self, seconds: float = 0.0) -> list[Member]:
        """Who is started when so many seconds have passed."""
        self.cluster.now += seconds
        before = set(self.crew.members)
        self.recruiting.recruit(100, "greeting")
        return [member for name, member in self.crew.members.items() if name not in before]

    def hear(self, member: Member, said: Any) -> None:
        member.greeting = said
        self.recruiting.heard(member, "runs/radon")


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    office = Office()
    monkeypatch.setattr(recruiting_file, "room", lambda need, **_: 4)
    for file in (recruiting_file, crew_file):
        monkeypatch.setattr(file, "time", SimpleNamespace(monotonic=lambda: office.cluster.now))
    return office


def test_a_machine_that_cannot_do_the_work_ends_a_sweep_that_has_not_begun(office: Office) -> None:
    first, *_ = office.start(GROW_SECONDS)
    with pytest.raises(ExecutorError, match="the node n2 does not see the store runs/radon"):
        office.hear(first, BAD)


def test_one_that_joins_later_is_refused_and_told_of_once(office: Office) -> None:
    good, bad, worse, worst = office.start(GROW_SECONDS)
    office.hear(good, GOOD)
    with pytest.warns(UserWarning, match="n2 is refused, the others go on: the node n2 does not see") as told:
        for member in (bad, worse, worst):
            office.hear(member, BAD)
    assert len(told) == 1 and office.cluster.killed == 3
    assert list(office.crew.members.values()) == [good] and office.crew.lost == 0
    assert office.crew.note().endswith("1 node refused: n2")


def test_refused_ones_are_asked_again_after_a_while_and_one_by_one(office: Office) -> None:
    good, *others = office.start(GROW_SECONDS)
    office.hear(good, GOOD)
    with pytest.warns(UserWarning):
        for member in others:
            office.hear(member, BAD)
    assert len(others) == STARTS_IN_VAIN
    assert office.start(PAUSE_SECONDS - 1) == []
    (again,) = office.start(1)
    assert office.start(PAUSE_SECONDS) == []  # it has not said hello yet
    office.hear(again, BAD)  # nothing is told twice
    assert office.start(GROW_SECONDS) == []
    (last,) = office.start(PAUSE_SECONDS)
    office.hear(last, BAD._replace(missing=()))
    assert last.hello is not None and "refused" in office.crew.note()
    office.crew.count(last, 1, 1.0)
    assert "refused" not in office.crew.note()


def test_a_start_that_fails_is_tried_again_after_some_seconds(office: Office) -> None:
    first, *others = office.start(GROW_SECONDS)
    for member in others:
        office.hear(member, GOOD)
    office.hear(first, LATE)
    assert office.start(GROW_SECONDS - 1) == []
    assert len(office.start(1)) == 1


def test_starts_that_fail_end_the_sweep_where_nobody_works(office: Office) -> None:
    members = office.start(GROW_SECONDS)
    assert len(members) > STARTS_IN_VAIN
    for _ in range(2):  # nodes that go down prove nothing
        office.hear(members.pop(), LATE)
    members += office.start(GROW_SECONDS)
    for _ in range(STARTS_IN_VAIN - 1):
        office.hear(members.pop(), DEAD)
    with pytest.raises(ExecutorError, match="no worker starts: .*no such image"):
        office.hear(members.pop(), DEAD)


def test_starts_that_fail_do_not_end_it_where_somebody_works(office: Office) -> None:
    good, *others = office.start(GROW_SECONDS)
    office.hear(good, GOOD)
    for member in others:
        office.hear(member, DEAD)
    assert len(others) == STARTS_IN_VAIN and office.crew.lost == len(others)
    assert office.start(GROW_SECONDS) == [] and len(office.start(PAUSE_SECONDS)) == 1
