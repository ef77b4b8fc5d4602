"""The workers of a sweep: started as there is room for them, replaced when they die, and told apart by node."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from multiverse.executors.ray_cluster.hello import Hello
from multiverse.executors.ray_cluster.tasks import Task

AHEAD: Final = 2  # calls given to a worker at a time: the next is there when one ends
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
        self._numbers = itertools.count()
        self._answered: deque[tuple[float, str, int]] = deque()  # when, id of the node, universes
        self._began: dict[str, float] = {}  # when a node was given its first call

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

    def ready(self) -> Iterator[Member]:
        """Workers that may be given a call, those with fewest first."""
        there = [member for member in self.members.values() if member.hello is not None and len(member.calls) < AHEAD]
        yield from sorted(there, key=lambda member: len(member.calls))

    def promises(self) -> dict[Any, Member]:
        """What is waited for: greetings, and the first call of each worker."""
        waited = {}
        for member in self.members.values():
            if member.hello is None:
                waited[member.greeting] = member
            elif member.calls:
                waited[member.calls[0].promise] = member
        return waited

    def count(self, member: Member, universes: int) -> None:
        """A worker has answered so many universes."""
        assert member.hello is not None, "it answers after it said hello"
        self._began.setdefault(member.hello.node, member.began)
        self._answered.append((time.monotonic(), member.hello.node, universes))

    def note(self) -> str:
        """The rate of each node that has workers, and how many workers were lost."""
        now = time.monotonic()
        while self._answered and now - self._answered[0][0] > RATE_SECONDS:
            self._answered.popleft()
        hosts = {member.hello.node: member.hello.host for member in self.members.values() if member.hello}
        rates = dict.fromkeys(self._began.keys() & hosts.keys(), 0.0)
        for _, node, universes in self._answered:
            if node in rates:
                rates[node] += universes / max(min(now - self._began[node], RATE_SECONDS), 1e-3)
        told = _told(rates, hosts)
        if not hosts:
            told.append("waiting for a worker")
        if self.lost:
            told.append(f"{self.lost} {'worker' if self.lost == 1 else 'workers'} lost")
        return ", ".join(told)


def _told(rates: Mapping[str, float], hosts: Mapping[str, str]) -> list[str]:
    """Rates by node: by the name of its host, and a part of its id where one host has several nodes."""
    if len(rates) > TOLD_APART:
        return [f"{len(rates)} nodes, {min(rates.values()):.3g} to {max(rates.values()):.3g}/s each"]
    nodes = Counter(hosts.values())
    names = {node: host if nodes[host] == 1 else f"{host}:{node[:6]}" for node, host in hosts.items()}
    return sorted(f"{names[node]} {rate:.3g}/s" for node, rate in rates.items())
