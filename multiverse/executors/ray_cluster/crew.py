"""The workers of a sweep: started as there is room for them, replaced when they die, and told apart by node."""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from multiverse.executors.ray_cluster.hello import Hello
from multiverse.executors.ray_cluster.tasks import Task

AHEAD: Final = 2  # calls given to a worker at a time: the next is there when one ends
HELD_UP_SECONDS: Final = 30.0  # in one call, before what waits behind it is taken back: to do so costs as much
HELD_UP_TIMES: Final = 3.0  # the time of an ordinary call, likewise
ORDINARY: Final = 64  # of the latest calls, whose median is the ordinary time
RATE_SECONDS: Final = 60.0  # of the latest past that a node's rate is told from
TOLD_APART: Final = 4  # nodes; of more the slowest and the fastest are told, as a line has an end


@dataclass
class Call:
    """A task that a worker was given. promise: how it ends. answer: what comes out of it, where that is kept apart."""

    task: Task
    promise: Any
    answer: Any = None


@dataclass
class Member:
    """A worker. greeting: what it will say of itself; hello: what it said.

    began: when it was given its first call ever; since: when the first of those that it has began.
    """

    name: str
    actor: Any
    greeting: Any
    hello: Hello | None = None
    calls: deque[Call] = field(default_factory=deque)
    since: float = 0.0
    began: float = 0.0

    def give(self, call: Call) -> None:
        """Another call, which begins at once where there is no other."""
        if not self.calls:
            self.since = time.monotonic()
        self.began = self.began or self.since
        self.calls.append(call)

    def ended(self) -> Call:
        """The first call, which has ended."""
        self.since = time.monotonic()
        return self.calls.popleft()


class Crew:
    """All workers, by name, and how many universes each node answered of late."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.lost = 0  # workers that died, or had to be killed
        self.refused: dict[str, str] = {}  # by id, the hosts of nodes whose workers cannot do the work
        self._numbers = itertools.count()
        self._answered: deque[tuple[float, str, int]] = deque()  # when, id of the node, universes
        self._began: dict[str, float] = {}  # when a node was given its first call
        self._seconds: deque[float] = deque(maxlen=ORDINARY)  # that the latest calls took

    def join(self, actor: Any, greeting: Any) -> Member:
        """A new worker, which has not said hello yet."""
        member = Member(f"worker-{next(self._numbers)}", actor, greeting)
        self.members[member.name] = member
        return member

    def leave(self, member: Member, *, died: bool) -> list[Call]:
        """A worker is gone; its calls, the first of which it was at."""
        self.members.pop(member.name, None)
        self.lost += died
        return list(member.calls)

    @property
    def given(self) -> int:
        """Calls that have not ended."""
        return sum(len(member.calls) for member in self.members.values())

    def ready(self, waiting: int) -> Member | None:
        """Who is given the next of so many tasks that wait: a worker with fewest calls; None where nobody is.

        A call ahead is given only while enough tasks wait for everybody: behind a long call it would wait for long.
        """
        most = AHEAD if waiting >= len(self.members) else 1
        there = (member for member in self.members.values() if member.hello is not None and len(member.calls) < most)
        return min(there, key=lambda member: len(member.calls), default=None)

    def held_up(self) -> list[Member]:
        """Workers that are long at one call while another waits behind it: no more than there are idle ones."""
        idle = sum(member.hello is not None and not member.calls for member in self.members.values())
        if not idle:
            return []
        ordinary = statistics.median(self._seconds) if self._seconds else 0.0
        before = time.monotonic() - max(HELD_UP_SECONDS, HELD_UP_TIMES * ordinary)
        return [one for one in self.members.values() if len(one.calls) > 1 and one.since < before][:idle]

    def promises(self) -> dict[Any, Member]:
        """What is waited for: greetings, and the first call of each worker."""
        waited = {}
        for member in self.members.values():
            if member.hello is None:
                waited[member.greeting] = member
            elif member.calls:
                waited[member.calls[0].promise] = member
        return waited

    def count(self, member: Member, universes: int, seconds: float) -> None:
        """A worker has answered so many universes in one call, which took so long."""
        assert member.hello is not None, "it answers after it said hello"
        self._began.setdefault(member.hello.node, member.began)
        now = time.monotonic()
        self._answered.append((now, member.hello.node, universes))
        while now - self._answered[0][0] > RATE_SECONDS:
            self._answered.popleft()
        self._seconds.append(seconds)
        self.refused.pop(member.hello.node, None)

    def others_answered(self, member: Member) -> bool:
        """Whether other nodes than that of a worker have answered anything."""
        return member.hello is not None and bool(self._began.keys() - {member.hello.node})

    def note(self) -> str:
        """The rate of each node that has workers, how many workers were lost, and which nodes were refused.

        Any thread may ask: copies are looked at, since the crew changes meanwhile.
        """
        now, began = time.monotonic(), dict(self._began)
        hosts = {hello.node: hello.host for member in list(self.members.values()) if (hello := member.hello)}
        rates = dict.fromkeys(began.keys() & hosts.keys(), 0.0)
        for when, node, universes in list(self._answered):
            if node in rates and now - when <= RATE_SECONDS:
                rates[node] += universes / max(min(now - began[node], RATE_SECONDS), 1e-3)
        told = _told(rates, hosts)
        if not hosts:
            told.append("waiting for a worker")
        if self.lost:
            told.append(f"{self.lost} {'worker' if self.lost == 1 else 'workers'} lost")
        refused = list(self.refused.values())
        if many := len(refused):
            which = f": {' '.join(sorted(set(refused)))}" if many <= TOLD_APART else ""
            told.append(f"{many} {'node' if many == 1 else 'nodes'} refused{which}")
        return ", ".join(told)


def _told(rates: Mapping[str, float], hosts: Mapping[str, str]) -> list[str]:
    """Rates by node: by the name of its host, and a part of its id where one host has several nodes."""
    if len(rates) > TOLD_APART:
        return [f"{len(rates)} nodes, {min(rates.values()):.3g} to {max(rates.values()):.3g}/s each"]
    nodes = Counter(hosts.values())
    names = {node: host if nodes[host] == 1 else f"{host}:{node[:6]}" for node, host in hosts.items()}
    return sorted(f"{names[node]} {rate:.3g}/s" for node, rate in rates.items())
