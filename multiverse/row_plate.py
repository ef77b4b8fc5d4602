"""The plate over the rows of the prepared table, and the mask of rows that preprocessing dropped.

A model says which of its sites stand for rows with `with mv.rows(data):`. Called plainly that is `numpyro.plate`.
Inside a program it also masks the rows that padding added, so that universes which keep different rows share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from multiverse.errors import PlanError, Problem


class RowsUse(NamedTuple):
    """One call of `rows`: the plate's name and its length."""

    name: str
    length: int


class _Here(NamedTuple):
    mask: Any  # (length,) bool, True for rows that were kept; None outside a padded program
    uses: list[RowsUse]


_HERE: ContextVar[_Here | None] = ContextVar("multiverse_rows", default=None)


@contextmanager
def padded_rows(mask: Any = None) -> Iterator[list[RowsUse]]:
    """Within it, `rows` applies the mask (None: no mask); yields the list of uses, filled as the model runs.

    Nested, it fills the list of the outermost: whoever watches a program sees what its model does.
    """
    outer = _HERE.get()
    uses: list[RowsUse] = [] if outer is None else outer.uses
    token = _HERE.set(_Here(mask, uses))
    try:
        yield uses
    finally:
        _HERE.reset(token)


@contextmanager
def rows(data: Any, n: int | None = None, *, name: str = "rows", dim: int | None = None) -> Iterator[Any]:
    """The plate over the rows of `data`; dropped rows are masked, so dropping rows needs no new program.

    data: what `prepare` gave. n: the number of rows, needed only where the arrays in `data` have several lengths;
    take it from an array (`n=len(data["y"])`), not from a constant. name, dim: as `numpyro.plate`.
    Yields the row indices. Raises PlanError where the number of rows is ambiguous.
    """
    import numpyro

    length = row_count(data) if n is None else int(n)
    here = _HERE.get()
    if here is not None:
        here.uses.append(RowsUse(name, length))
    plate = numpyro.plate(name, length, dim=dim)
    with plate as index:
        if here is None or here.mask is None or here.mask.shape[0] != length:
            yield index
        else:
            with numpyro.handlers.mask(mask=here.mask.reshape((length,) + (1,) * (-plate.dim - 1))):
                yield index


def row_count(data: Any) -> int:
    """The length that all arrays in `data` share along their first axis."""
    import jax
    import numpy as np

    arrays = jax.tree_util.tree_leaves_with_path(data)
    lengths = {f"data{jax.tree_util.keystr(path)}": int(np.shape(a)[0]) for path, a in arrays if np.ndim(a) > 0}
    if len(set(lengths.values())) == 1:
        return next(iter(lengths.values()))
    shown = ", ".join(f"{path} has {length}" for path, length in lengths.items()) or "the data hold no arrays"
    longest = max(lengths, key=lambda path: lengths[path], default="data['y']")
    raise PlanError(
        Problem(
            f"mv.rows(data) cannot tell how many rows there are: {shown}.",
            "arrays of one length along the first axis",
            f"say which array holds the rows, as in `mv.rows(data, n=len({longest}))`",
        )
    )
