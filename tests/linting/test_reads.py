"""Whether a function reads an argument is told by its code."""

from __future__ import annotations

import functools
import math

import pytest

from multiverse.linting.reads import reads


def never(data, *, mode):
    return data


def plainly(data, *, mode):
    return data * mode


def within(data, *, mode):
    return [row for row in data if (lambda: row > mode)()]


def by_name(data, *, mode):
    return data * locals()["mode"]


def overwritten(data, *, mode):
    mode = 1
    return data * mode


@pytest.mark.parametrize("function", [plainly, within, by_name], ids=lambda f: f.__name__)
def test_an_argument_that_is_read(function) -> None:
    assert reads(function, "mode")


def test_an_argument_that_is_not_read() -> None:
    assert not reads(never, "mode")
    assert reads(never, "data")


def test_what_cannot_be_told_counts_as_read() -> None:
    assert reads(overwritten, "mode")  # the name is read, whatever it means by then
    assert reads(functools.partial(never, mode=1), "mode")
    assert reads(math.exp, "x")
