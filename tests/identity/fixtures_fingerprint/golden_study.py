"""One of each thing that a study may hold; its fingerprints are in golden.json, for every supported Python."""

from __future__ import annotations

import abc
import collections
import contextlib
import dataclasses
import datetime
import enum
import fractions
import functools
import pathlib
import re
import types
import typing

import numpy as np

HERE = pathlib.Path(__file__).parent
SCALES = {"weak": 10.0, "sceptical": 0.5}


class Tail(enum.Enum):
    LIGHT = 30.0
    HEAVY = 4.0

    def twice(self):
        return 2 * self.value


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule."""

    limit: float
    names: tuple[str, ...] = ()
    weights: list[float] = dataclasses.field(default_factory=list)

    def keeps(self, x: float) -> bool:
        return x < self.limit


class Point(typing.NamedTuple):
    x: float
    y: float = 0.0

    def norm(self):
        return np.hypot(self.x, self.y)


class Base(abc.ABC):
    @abc.abstractmethod
    def run(self, x): ...


class Child(Base):
    __slots__ = ("k",)

    def __init__(self, k):
        self.k = k

    def run(self, x):
        return super().run(x) or self.k

    @property
    def double(self):
        return 2 * self.k

    @classmethod
    def one(cls):
        return cls(1)


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def syntax(data, /, first, *rest, option: int = 3, scale=SCALES["weak"], **others) -> dict:
    """Much of the grammar."""
    total: float = 0.0
    text = f"{first!r:>10} and {total:.2f} more"
    pairs = {k: v for k, v in others.items() if (size := len(k)) > 1}
    items = [*rest, -1, 0x10, 1e-3, 2j, b"\x00", ..., None, True]
    match data:
        case {"y": y, **left} if not left:
            total += y
        case [Point(x=x), *_] if x > 0:
            total -= x
        case None | "none":
            pass
        case _:
            total = SCALES["sceptical"]
    try:
        with contextlib.suppress(KeyError), open(HERE / "none.csv") as file:
            total = float(file.read())
    except (OSError, ValueError) as error:
        raise RuntimeError(text) from error
    else:
        del items[0]
    finally:
        total = total if option else -total

    def inner(z, *, power=2):
        nonlocal total
        total += z**power
        return lambda: total

    class Local:
        size: int = 2

        def get(self):
            return self.size

    while total > 100 and not is_even(option):
        total /= 2
    for i, item in enumerate(items[1::2]):
        if item is None:
            continue
        assert i >= 0, "never"
    return {"pairs": pairs, "total": total, "inner": inner, "local": Local, "size": size, "scale": scale}


def stream(n: int):
    for i in range(n):
        got = yield i
        yield from (got, i)


async def later(x):
    async with x as y:
        return [z async for z in y]


def closing(value):
    return lambda x: x * value


@functools.lru_cache
def cached(x):
    return x


VALUES = {
    "plain": [
        None,
        True,
        1,
        -(2**70),
        0.1,
        -0.0,
        float("nan"),
        1j,
        "é",
        b"\x00",
        (),
        [],
        {},
        set(),
        frozenset({1, "a"}),
    ],
    "standard": [
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
        datetime.date(2024, 2, 29),
        datetime.timedelta(days=1.5),
        pathlib.PurePosixPath("/a/b"),
        range(3),
        slice(1, None),
        types.SimpleNamespace(a=1),
        fractions.Fraction(1, 3),
        re.compile("a+"),
        collections.Counter("aab"),
    ],
    "arrays": [np.arange(6.0).reshape(2, 3), np.float32(1.5), np.array(["a", "bb"]), np.array([1, "a"], dtype=object)],
    "enum": Tail.HEAVY,
    "dataclass": Rule(1.5),
    "named tuple": Point(1.0),
    "instance": Child(3),
    "abstract": Base,
    "recursion": is_even,
    "syntax": syntax,
    "generator function": stream,
    "coroutine function": later,
    "closure": closing(2.0),
    "partial": functools.partial(closing, 3),
    "cached": cached,
    "method": Child(3).run,
    "class method": Child.one,
    "ufunc": np.log,
    "vectorize": np.vectorize(is_odd),
}
