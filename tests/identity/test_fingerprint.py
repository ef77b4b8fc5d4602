"""Fingerprints of values: equal for equal content, different for different content, in every process."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import decimal
import enum
import hashlib
import json
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import threading
import tracemalloc
import types
import typing
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.errors import FingerprintError
from multiverse.identity.fingerprint import describe, fingerprint

FIXTURES = pathlib.Path(__file__).parent / "fixtures_fingerprint"
ROOT = pathlib.Path(__file__).parents[2]

GOLDEN = """
import sys, json
sys.path[:0] = sys.argv[1:3]
import golden_study
from multiverse.identity.fingerprint import fingerprint
print(json.dumps({name: fingerprint(value, name=name) for name, value in golden_study.VALUES.items()}))
"""


def in_another_process(seed: str, folder: pathlib.Path) -> dict[str, str]:
    env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", GOLDEN, str(ROOT), str(folder)]
    return json.loads(subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd="/").stdout)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_fingerprints_are_the_same_in_every_process_and_every_supported_python(seed):
    golden = json.loads((FIXTURES / "golden.json").read_text())
    assert in_another_process(seed, FIXTURES) == golden


def test_a_study_that_was_moved_as_a_whole_keeps_its_fingerprints(tmp_path):
    (tmp_path / "golden_study.py").write_text((FIXTURES / "golden_study.py").read_text())
    assert in_another_process("3", tmp_path) == json.loads((FIXTURES / "golden.json").read_text())


def test_a_study_run_as_a_script_has_the_fingerprints_of_one_that_is_imported(tmp_path):
    script = tmp_path / "script.py"
    show = GOLDEN.replace("golden_study.VALUES", "VALUES").replace("import golden_study", "")
    script.write_text((FIXTURES / "golden_study.py").read_text() + show)
    command = [sys.executable, str(script), str(ROOT), ""]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout
    assert json.loads(shown) == json.loads((FIXTURES / "golden.json").read_text())


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.dates()
    | st.timedeltas(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.frozensets(st.text() | st.integers())
    ),
    max_leaves=8,
)


def written_out(value) -> object:
    """An oracle that tells values apart: types and reprs, all the way down, and dicts and sets without their order."""
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return kind, *map(written_out, value)
    if isinstance(value, dict):
        return kind, *sorted(((written_out(k), written_out(v)) for k, v in value.items()), key=repr)
    if isinstance(value, frozenset):
        return kind, *sorted(map(written_out, value), key=repr)
    if isinstance(value, complex):
        return kind, repr(value.real), repr(value.imag)
    return kind, repr(value)


@given(plain, plain)
def test_fingerprints_are_equal_exactly_when_values_are(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (written_out(one) == written_out(other))


@given(plain)
def test_a_copy_has_the_same_fingerprint(value):
    assert fingerprint(copy.deepcopy(value)) == fingerprint(value)
    assert re.fullmatch("[0-9a-f]{32}", fingerprint(value))


@given(st.dictionaries(st.text(), st.integers(), min_size=2), st.randoms(use_true_random=False))
def test_the_order_in_which_a_dict_was_filled_does_not_count(mapping, shuffler):
    items = list(mapping.items())
    shuffler.shuffle(items)
    assert fingerprint(dict(items)) == fingerprint(mapping)


class Tail(enum.Enum):
    LIGHT = 30.0
    HEAVY = 4.0


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Empty:
    pass


class OtherEmpty:
    pass


@dataclasses.dataclass
class Rule:
    limit: float


@dataclasses.dataclass
class OtherRule:
    limit: float


class Point(typing.NamedTuple):
    x: float
    y: float


def different_values() -> list[object]:
    grid = np.arange(6.0).reshape(2, 3)
    padded = np.zeros(1, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    return [
        *[None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, math.nan, math.inf, 0j, 1j, "", "1", b"", b"1", bytearray(b"1")],
        *[
            (),
            [],
            {},
            set(),
            frozenset(),
            (1,),
            [1],
            {1},
            frozenset({1}),
            {1: None},
            [[]],
            [()],
            [1, 2],
            [2, 1],
            [[1], 2],
        ],
        *[Tail.LIGHT, Tail.HEAVY, Tail, Flags.A, Flags.A | Flags.B, "LIGHT", 30.0],
        *[datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)],
        *[datetime.time(1), datetime.timedelta(1), pathlib.Path("/a"), pathlib.Path("/b"), "/a", range(3), range(4)],
        *[slice(3), slice(0, 3), types.SimpleNamespace(a=1), {"a": 1}, types.SimpleNamespace(a=2)],
        *[decimal.Decimal("1.0"), decimal.Decimal("1.00"), re.compile("a"), re.compile("a", re.I), Counter("a")],
        *[OrderedDict(a=1), defaultdict(int, a=1), defaultdict(list, a=1), int, list[int], list[str]],
        *[np.float64(1.0), np.float32(1.0), np.int64(1), np.array(1.0), np.bool_(True), np.array([1.0]), np.array([1])],
        *[grid, grid.T, grid.ravel(), grid.astype(np.float32), grid.tolist(), np.zeros((0, 3)), np.zeros((3, 0))],
        *[np.array(["a", "b"]), np.array(["a", "b"], dtype=object), np.array(["ab", ""], dtype=object)],
        *[np.array([1, None], dtype=object), np.array(["2024-01-01"], dtype="M8[D]"), np.rec.array([(1, 2.0)]), padded],
        *[np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0]), np.array([1 / np.longdouble(3)])],
        *[Empty, OtherEmpty, Empty(), OtherEmpty(), Rule(1.0), Rule(2.0), OtherRule(1.0), Point(1.0, 2.0), (1.0, 2.0)],
        *[np.dtype("f4"), np.dtype("f8"), np, math, np.log, np.exp, len, str.lower, "a".lower, "b".lower, math.log],
    ]


def test_different_values_have_different_fingerprints():
    values = different_values()
    found: dict[str, object] = {}
    for value in values:
        key = fingerprint(value)
        assert key not in found, (value, found[key])
        found[key] = value


def test_what_does_not_change_a_value_does_not_change_its_fingerprint():
    grid = np.arange(12.0).reshape(3, 4)
    negative_nan = struct.unpack(">d", struct.pack(">Q", 0xFFF8000000000001))[0]
    long_thirds = 1 / np.full(3, 3, dtype=np.longdouble)
    same = [
        (math.nan, negative_nan),
        (np.array([1.0, np.nan]), np.array([1.0, negative_nan])),
        (np.array([complex(0, math.nan)]), np.array([complex(0, negative_nan)])),
        (grid[:, 1:3], grid[:, 1:3].copy()),
        (grid, np.asfortranarray(grid)),
        (grid[::-1], grid[::-1].copy()),
        (np.array([[1, "a"], [None, 2.0]], dtype=object).T, np.array([[1, None], ["a", 2.0]], dtype=object)),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 7], mask=[0, 1], fill_value=3)),
        (long_thirds, long_thirds.copy()),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (Rule(1.0), Rule(1.0)),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
        ({"b", "a", "c"}, {"c", "a", "b"}),
    ]
    for one, other in same:
        assert fingerprint(one) == fingerprint(other), one
    shared = [1, 2]
    assert fingerprint([shared, shared]) == fingerprint([[1, 2], [1, 2]])


def test_a_value_may_contain_itself():
    one: list[object] = [1]
    one.append(one)
    other: list[object] = [1]
    other.append([1, other])  # the same when it is written out without end
    third: list[object] = [2]
    third.append(third)
    assert fingerprint(one) == fingerprint(other) != fingerprint(third)


def test_large_arrays_are_hashed_once_and_in_place(monkeypatch):
    hashed, array = [], np.random.default_rng(0).normal(size=1_000_000)

    def sha256(data):
        hashed.append(len(data))
        return hashlib.sha256(data)

    monkeypatch.setattr("multiverse.identity.arrays.hashlib", types.SimpleNamespace(sha256=sha256))
    tracemalloc.start()
    try:
        fingerprint({"again": array, "array": array})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert hashed == [array.nbytes]
    assert most < array.nbytes / 2  # a byte an element tells where NaNs are; a copy, or a list, holds eight or more


def test_jax_arrays_are_as_their_numpy_twins():
    import jax
    import jax.numpy as jnp

    assert fingerprint(jnp.arange(3.0)) == fingerprint(np.arange(3.0, dtype=np.float32))
    keys = [jax.random.key(0), jax.random.key(1), jax.random.PRNGKey(0), jax.random.key(0, impl="rbg")]
    assert len(set(map(fingerprint, keys))) == 4
    assert fingerprint(jnp.ones(2, jnp.bfloat16)) != fingerprint(jnp.ones(2, jnp.float16))
    with pytest.raises(FingerprintError, match="only while JAX traces"):
        jax.jit(fingerprint)(1.0)


def test_what_cannot_be_fingerprinted_is_said_all_at_once_with_where_it_is_and_the_mend(tmp_path):
    rng = np.random.default_rng(1)
    value = {"a": [1, rng], "b": threading.Lock(), "c": (x for x in "ab"), "d": random.Random(1)}
    with pytest.raises(FingerprintError) as caught:
        fingerprint(value, name="the option 'rng'")
    whats = [p.what for p in caught.value.problems]
    assert whats == [
        "the option 'rng' -> ['a'] -> [1] is a numpy.random.Generator, which gives other numbers each time it is used.",
        "the option 'rng' -> ['b'] is a lock, which has no state that could be read.",
        "the option 'rng' -> ['c'] is a generator, which is used up by reading it.",
        "the option 'rng' -> ['d'] is a random number generator, which gives other numbers each time it is used.",
    ]
    assert "np.random.default_rng(seed)" in caught.value.problems[0].mend
    with (tmp_path / "f").open("w") as file, pytest.raises(FingerprintError, match="open file(.|\n)*pass the path"):
        fingerprint(file)
    for refused in [
        rng.normal,
        np.random.normal,
        np.random.RandomState(1),
        iter([]),
        map(len, []),
        np.frompyfunc(len, 1, 1),
    ]:
        with pytest.raises(FingerprintError):
            fingerprint(refused)
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(FingerprintError, match="nested too deeply"):
        fingerprint(deep)


def test_values_are_described_as_a_person_writes_them():
    cases = {
        "'weak'": "weak",
        "0.5": 0.5,
        "array([1, 2.5])": np.array([1.0, 2.5]),
        "array of int64, shape (3, 4)": np.zeros((3, 4), dtype=np.int64),
        "numpy.log": np.log,
        "partial(numpy.log, x={'a': [1, (2,)]})": __import__("functools").partial(np.log, x={"a": [1, (2,)]}),
        "Rule(limit=1.0)": Rule(1.0),
        "Empty()": Empty(),
        "dtype('float32')": np.dtype("f4"),
    }
    assert {describe(value): value for value in cases.values()}.keys() == cases.keys()
    assert len(describe("x" * 200)) == 80
    assert re.fullmatch(r"function written_out\(test_fingerprint.py:\d+\)", describe(written_out))
    assert re.fullmatch(r"lambda x: x \+ 1 \(test_fingerprint.py:\d+\)", describe(lambda x: x + 1))
