"""Which numbers of a universe and its data a network is told, and in which order: the same for a whole family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from multiverse.engines.amortized.estimates import GROUP
from multiverse.engines.amortized.family import Family, Opened
from multiverse.planning.padding import MASK
from multiverse.planning.simulate import OBSERVED

PLAIN_MAX: Final = 64  # observed numbers that the network is given one by one; more are summarised row by row
DESIGN_MAX: Final = 64  # numbers of the design that are given one by one
OPTION_MAX: Final = 16  # numbers of an option that are
ROW_MAX: Final = 32  # numbers of a row
COVARIATES_MAX: Final = 15  # numbers of a row that its observed values are regressed on
MOMENTS: Final = 4  # numbers that tell a site whose values are neither few nor in rows


@dataclass(frozen=True)
class Layout:
    """Which numbers are told, in which order; the same for all programs of a family.

    programs: how many. options: paths of leaves of options that vary, with their sizes. design: those of the data.
    sites: observed sites with their shapes, where they are told one by one. moments: those that are told by their
    moments alone, as they have other rows than most, or wide ones. rows: how many rows the longest data have, 0 where
    there are none. columns: by program, paths of leaves with a number (or a few) a row, with how many; the
    observed ones first. dimension: of what is learnt. groups: where locals are left out of that, how many groups rows
    fall into, else 0. index: by program, the leaf that says of each row which; empty: row i is in group i. covariates:
    by program, paths of columns that the observed ones are regressed on.
    """

    programs: int
    options: tuple[tuple[str, int], ...]
    design: tuple[tuple[str, int], ...]
    sites: tuple[tuple[str, tuple[int, ...]], ...]
    moments: tuple[str, ...]
    rows: int
    columns: tuple[tuple[tuple[str, int], ...], ...]
    dimension: int
    whitened: bool
    groups: int = 0
    index: tuple[str, ...] = ()
    covariates: tuple[tuple[tuple[str, int], ...], ...] = ()

    @property
    def observed(self) -> int:
        """How many observed numbers a row has."""
        return sum(size for path, size in self.columns[0] if path.startswith(OBSERVED)) if self.rows else 0

    def told_of_groups(self, place: int) -> int:
        """How many numbers are told of all groups of the program at this place together."""
        return 1 + self.observed * 2 * (3 + sum(size for _, size in self.covariates[place])) if self.groups else 0

    @property
    def plain(self) -> int:
        """How many numbers are told beside rows."""
        context = (self.programs if self.programs > 1 else 0) + sum(size for _, size in self.options + self.design)
        data = sum(4 * int(np.prod(shape)) for _, shape in self.sites) + MOMENTS * len(self.moments)
        given = max(self.told_of_groups(place) for place in range(self.programs))
        return max(context + data + given + (2 * self.dimension if self.whitened else 0), 1)

    @property
    def row(self) -> int:
        """How many numbers a row has."""
        if not self.rows:
            return 0
        if self.groups:
            return max(self.observed * (GROUP + sum(size for _, size in some)) for some in self.covariates)
        return max(sum(2 * size if path.startswith(OBSERVED) else size for path, size in some) for some in self.columns)


def layout_of(family: Family, *, whitened: bool) -> Layout:
    """The layout of a family. whitened: whether what Newton's steps found is told."""
    shapes = [
        {
            path: leaf.shape
            for path, leaf in next(iter(one.program.datasets.values())).items()
            if path not in one.outcome
        }
        for one in family.opened
    ]
    seen = [{path: s for path, s in some.items() if path.startswith(OBSERVED)} for some in shapes]
    few = all(one == seen[0] for one in seen) and sum(int(np.prod(s)) for s in seen[0].values()) <= PLAIN_MAX
    few &= not family.many
    sites = tuple((path.removeprefix(OBSERVED), shape) for path, shape in sorted(seen[0].items())) if few else ()
    columns: tuple[tuple[tuple[str, int], ...], ...] = ((),) * len(seen)
    rows, moments = 0, tuple[str, ...]()
    if not few:  # programs of a family observe sites of the same shapes
        rows = _rows_of(seen[0])
        columns = tuple(_columns(some, rows) if rows else () for some in shapes)
        in_rows = {path for path, _ in columns[0]}
        moments = tuple(path.removeprefix(OBSERVED) for path in sorted(seen[0]) if path not in in_rows)
    groups, index, covariates = 0, tuple[str, ...](), tuple[tuple[tuple[str, int], ...], ...]()
    if family.many and rows:
        groups, index = _groups(family, rows)
        covariates = tuple(_covariates(some, path) for some, path in zip(columns, index, strict=True))
    return Layout(
        programs=len(family.programs),
        options=_varying([options_of(one) for one in family.opened], OPTION_MAX),
        design=_varying([designs_of(one) for one in family.opened], DESIGN_MAX) if few else (),
        sites=sites,
        moments=moments,
        rows=rows,
        columns=columns,
        dimension=len(family.opened[0].learnt),
        whitened=whitened,
        groups=groups,
        index=index,
        covariates=covariates,
    )


def options_of(opened: Opened) -> dict[str, list[np.ndarray]]:
    """The values of each leaf of options, over the options that members have."""
    program, found = opened.program, dict[str, list[np.ndarray]]()
    for name in program.signature.options:
        for label in {member.universe[name] for member in program.members.values()}:
            for path, leaf in program.choices[name, label].items():
                if path not in program.signature.fixed:
                    found.setdefault(path, []).append(leaf)
    return found


def designs_of(opened: Opened) -> dict[str, list[np.ndarray]]:
    """The values of each leaf of the data that the observed values are not made of, over the data sets."""
    found = dict[str, list[np.ndarray]]()
    for leaves in opened.program.datasets.values():
        for path, leaf in leaves.items():
            if not path.startswith(OBSERVED) and path not in opened.outcome:
                found.setdefault(path, []).append(leaf)
    return found


def _varying(by_program: Sequence[Mapping[str, Sequence[np.ndarray]]], most: int) -> tuple[tuple[str, int], ...]:
    """Paths whose values are not all the same, with their sizes; those with too many numbers are left out."""
    together: dict[str, list[np.ndarray]] = {}
    for one in by_program:
        for path, values in one.items():
            together.setdefault(path, []).extend(values)
    return tuple(
        (path, values[0].size)
        for path, values in sorted(together.items())
        if values[0].size <= most
        and len({value.shape for value in values}) == 1
        and not all(np.array_equal(value, values[0]) for value in values)
    )


def _rows_of(seen: Mapping[str, tuple[int, ...]]) -> int:
    """How many rows the observed sites have: the longest of their first axes. 0 where none has rows of few numbers."""
    return max((shape[0] for shape in seen.values() if shape and int(np.prod(shape[1:])) <= ROW_MAX), default=0)


def _columns(shapes: Mapping[str, tuple[int, ...]], rows: int) -> tuple[tuple[str, int], ...]:
    """Leaves with numbers for each row, the observed ones first, with how many; not those with too many."""
    found = [
        (path, int(np.prod(shape[1:])))
        for path, shape in sorted(shapes.items(), key=lambda item: (not item[0].startswith(OBSERVED), item[0]))
        if shape and shape[0] == rows and int(np.prod(shape[1:])) <= ROW_MAX
    ]
    return tuple(found)


def _groups(family: Family, rows: int) -> tuple[int, tuple[str, ...]]:
    """How many groups rows fall into, and by program the leaf of data that says which.

    That is whole numbers, one a row, none as large as the longest plate of latents; of several those with the largest.
    Where there is none each row is a group of its own. What is told of groups is only that well meant: weights know.
    """
    most = max(max(latent.free_shape) for latent in family.opened[0].sites.latents if latent.is_local)
    found, largest = list[str](), 0
    for one in family.opened:
        data = list(one.program.datasets.values())
        tops = {
            path: int(max(leaves[path].max() for leaves in data))
            for path, leaf in data[0].items()
            if leaf.dtype.kind in "iu" and leaf.shape == (rows,) and not path.startswith(OBSERVED)
            if all(leaves[path].min() >= 0 and leaves[path].max() < most for leaves in data)
        }
        found.append(max(tops, key=lambda path: tops[path], default=""))
        largest = max(largest, most if found[-1] else rows)
    return largest, tuple(found)


def _covariates(columns: tuple[tuple[str, int], ...], index: str) -> tuple[tuple[str, int], ...]:
    """The columns that observed ones are regressed on: the first that are `COVARIATES_MAX` numbers at most."""
    found, left = [], COVARIATES_MAX
    for path, size in columns:
        if not path.startswith(OBSERVED) and path not in (index, MASK) and size <= left:
            found.append((path, size))
            left -= size
    return tuple(found)
