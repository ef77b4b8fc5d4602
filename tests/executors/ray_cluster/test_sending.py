"""Messages to workers: what batches share is sent once, and a message holds its own universes alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import pytest

from multiverse.cores import _allowed, allow, cores
from multiverse.engines.engine import Batch
from multiverse.errors import PlanError
from multiverse.executors.ray_cluster import sending
from multiverse.executors.ray_cluster.sending import Message, Sender, opened, unpacked
from multiverse.planning.program import Program
from multiverse.testing_executors import PlainWork

BYTES = 5000  # of a message of a batch of four, its small data and that of its probes; measured 4,122


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was put into the object store; a reference is its place in this list."""
    there: list[Any] = []

    def put_one(one: Any) -> int:
        there.append(one)
        return len(there) - 1

    monkeypatch.setattr(sending, "imported", lambda: SimpleNamespace(cloudpickle=cloudpickle, put=put_one))
    return there


class Stubborn:
    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


def arrived(message: Message, there: list[Any]) -> Any:
    return unpacked(message.payload, {name: opened(there[sent.ref]) for name, sent in message.shared.items()})


def wide(program: Program, count: int) -> Program:
    """A program with so many members, all alike but for their keys."""
    member = next(iter(program.members.values()))
    members = {f"{i:032x}": member._replace(key=f"{i:032x}") for i in range(count)}
    return replace(program, members=members)


def a_batch(program: Program, keys: list[str], plan: Any) -> Batch:
    return Batch("batch", program, tuple(keys), plan.wanted)


def test_a_message_of_a_few_of_many_universes_is_small(put: list[Any], twelve: Any) -> None:
    program = wide(twelve.programs[0], 10_000)
    sender, work = Sender(), PlainWork(len)
    keys = list(program.members)
    messages = [sender.message(work, a_batch(program, keys[at : at + 4], twelve)) for at in range(0, 400, 4)]
    assert max(len(message.payload) for message in messages) < BYTES
    assert len(put) == len(messages[0].shared)  # for all of them


def test_small_data_sets_travel_with_their_universes_and_large_ones_are_put(
    put: list[Any], twelve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (program, *_) = twelve.programs
    batch = a_batch(program, sorted(program.members), twelve)
    small = Sender().message(PlainWork(len), batch)
    functions = len(put)  # and the like, whatever their size
    assert functions == len(small.shared) >= 4
    monkeypatch.setattr(sending, "LARGE_BYTES", 8)
    large = Sender().message(PlainWork(len), batch)
    assert len(large.shared) == functions + len(program.datasets) + len(program.original)
    assert len(large.payload) < len(small.payload)
    assert sorted(arrived(large, put)[1].program.members) == sorted(program.members)


def test_the_size_of_what_is_put_is_that_of_its_bytes(put: list[Any]) -> None:
    many, leaves = {"rows": [[float(i)] * 10 for i in range(500)]}, {"x": np.zeros(1000)}
    message = Sender().pack([many, leaves], data=[leaves], shared=[many])
    sizes = {sent.ref: sent.size for sent in message.shared.values()}
    assert sizes == {0: len(put[0])} and sizes[0] > 10_000  # leaves are small


def test_a_message_arrives_with_its_universes_alone(put: list[Any], twelve: Any) -> None:
    (program, *_), sender = twelve.programs, Sender()
    keys = sorted(program.members)[:2]
    members = program.only(keys).members
    assert len(members) < len(program.members)
    work, batch = arrived(sender.message(PlainWork(len), a_batch(program, keys, twelve)), put)
    assert isinstance(work, PlainWork) and batch.keys == tuple(keys)
    assert batch.program.members.keys() == members.keys()
    assert batch.program.id == program.id
    for key in keys:
        assert batch.program.leaves(key).keys() == program.leaves(key).keys()
        for path, leaf in program.leaves(key).items():
            assert np.array_equal(batch.program.leaves(key)[path], leaf)
        assert np.array_equal(batch.program.data(key)["y"], program.data(key)["y"])


def test_a_function_may_change_its_data_as_in_this_process(put: list[Any], twelve: Any) -> None:
    (program, *_) = twelve.programs
    key = min(program.members)
    _, batch = arrived(Sender().message(PlainWork(len), a_batch(program, [key], twelve)), put)
    here, there = program.data(key)["y"], batch.program.data(key)["y"]
    assert there.flags.writeable == here.flags.writeable


def test_what_cannot_be_sent_is_told(put: list[Any]) -> None:
    lock = threading.Lock()
    with pytest.raises(PlanError, match="cannot be sent to other processes.*lock"):
        Sender().pack((lambda: lock,))
    with pytest.raises(PlanError, match="cannot be sent to other processes: not me"):
        Sender().pack((Stubborn(),), [Stubborn()])


def test_a_fault_of_the_object_store_is_not_laid_on_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any) -> None:
        raise TypeError("the object store is full")

    monkeypatch.setattr(sending, "imported", lambda: SimpleNamespace(cloudpickle=cloudpickle, put=full))
    engine = {"any": "thing"}
    with pytest.raises(TypeError, match="object store is full"):
        Sender().pack([engine], [engine])


def test_what_is_put_stays_until_there_is_too_much(put: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SHARED_BYTES", 2000)
    sender, large = Sender(), [{"x": np.full(100, float(i))} for i in range(3)]
    for one in large[:2]:
        sender.pack([one], [one])
    sender.pack([large[0]], [large[0]])
    assert len(put) == 2
    sender.pack([large[2]], [large[2]])  # the second one is the longest unused
    message = sender.pack(large[:2], large[:2])
    assert len(put) == 4
    assert [float(one["x"][0]) for one in arrived(message, put)] == [0.0, 1.0]


def test_only_keeps_what_its_members_need(twelve: Any) -> None:
    (program, *_) = twelve.programs
    key = min(program.members)
    slim = program.only([key])
    assert slim.members.keys() == {key, *program.probes} and slim.probes == program.probes
    assert slim.original.keys() == slim.datasets.keys() == {one.prepared for one in slim.members.values()}
    assert (slim.id, slim.paths) == (program.id, program.paths)
    assert slim.option_values(key) == program.option_values(key)


def test_a_worker_uses_the_cores_it_was_given() -> None:
    before = cores()
    try:
        allow(1)
        assert cores() == 1
        allow(10_000)
        assert cores() == before
    finally:
        _allowed.clear()
