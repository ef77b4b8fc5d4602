"""Design columns that are linearly dependent: along some direction of their coefficients the data say nothing.

Not every matrix is a design: it may be an outcome, a graph, or a table of which the analysis uses half. Of a model the
gradient tells: where columns x_1 ... x_p reach the likelihood as one linear predictor, the derivative of the log
likelihood by x_j is the same vector for each, times the coefficient of x_j. A function shows no gradient; of it only
matrices and tables that come beside a vector of their length are taken for designs, and columns that it does not use
are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from multiverse.linting.columns import Column
from multiverse.linting.data_sets import DataSet, data_sets, forbidding, where
from multiverse.linting.finding import Finding, finding
from multiverse.linting.use import Use
from multiverse.planning.density import draw_of
from multiverse.planning.observed import observed_sites
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.safety import POINTS, SAFETY_RTOL, START_RADIUS
from multiverse.planning.tracing import QUICK_COMPILE, TRACING, compiled

CHECK = "rank-deficient designs"
RANK_RTOL = 1e-7  # of the largest singular value, columns of length 1: the resolution of float32, in which NUTS samples
NAMED = 6  # columns that are named; the others are counted
WIDEST = 500  # columns whose rank is looked at: a singular value decomposition takes a second there


class _Design(NamedTuple):
    """Columns that are dependent, all of them in some dependence, and their rank."""

    data_set: DataSet
    dependent: tuple[Column, ...]
    rank: int


def rank_deficient(plan: Plan) -> Iterator[Finding]:
    """The designs whose rank is below the number of their columns, a finding each."""
    found: dict[tuple[str, ...], list[_Design]] = {}
    use = Use(plan)
    for of in () if plan.study.only_simulates else data_sets(plan):  # a simulator tells no predictor
        designs = _of_function(of, use) if plan.study.is_function else _of_model(of)
        for design in designs:
            found.setdefault(tuple(column.name for column in design.dependent), []).append(design)
    for alike in found.values():
        yield _finding(plan, alike)


def dependent(matrix: np.ndarray) -> tuple[int, np.ndarray]:
    """The rank of the columns of a matrix `(rows, columns)`, and which of them a dependence involves, `(columns,)`."""
    lengths = np.linalg.norm(matrix, axis=0)
    scaled = matrix / np.where(lengths > 0, lengths, 1.0)
    values, vectors = np.linalg.svd(np.linalg.qr(scaled, mode="r"))[1:]
    rank = int((values > RANK_RTOL * values[0]).sum()) if values[0] > 0 else 0
    return rank, np.any(np.abs(vectors[rank:]) > np.sqrt(RANK_RTOL), axis=0)


def _may_be_deficient(columns: Sequence[Column]) -> bool:
    """A quick look by the Gram matrix, which sees singular values above the root of float64's resolution."""
    if not 1 < len(columns) <= WIDEST or len(columns[0].values) <= len(columns):
        return False  # as many columns as rows: more than the data can tell by design, as sparse priors are made for
    matrix = np.stack([column.values for column in columns], axis=1).astype(float)
    if not np.isfinite(matrix).all():
        return False
    lengths = np.linalg.norm(matrix, axis=0)
    scaled = matrix / np.where(lengths > 0, lengths, 1.0)
    return bool(np.linalg.eigvalsh(scaled.T @ scaled)[0] < 1e-10)


# ------------------------------------------------------------------------------------------------- models
def _of_model(of: DataSet) -> Iterator[_Design]:
    """The designs of a model: dependent columns that reach the likelihood as one linear predictor.

    Each matrix is looked at by itself, and all columns that stand alone together: two matrices may well be dependent,
    as the fixed and the random effects of a mixed model are.
    """
    rows = [c for c in of.columns if len(c.values) == of.rows and c.is_numeric]
    for columns in _grouped(rows, lambda c: c.path if c.within == "matrix" else ""):
        if not _may_be_deficient(columns):
            continue
        if (involved := _design(of, columns)) is None:
            continue
        for program in {p.id: p for p in of.programs.values()}.values():
            key = next(key for key, its in of.programs.items() if its is program)
            if design := _design(of, _one_predictor(program, key, of.rows, involved.dependent)):
                yield design
                break


def _one_predictor(program: Program, key: str, rows: int, candidates: Sequence[Column]) -> list[Column]:
    """The columns, of these, that reach the likelihood of a universe as one linear predictor: the most that do."""
    gradients, observed = _gradients(program, key, {column.path for column in candidates})
    groups: list[list[tuple[Column, np.ndarray]]] = []
    for column in candidates:
        gradient = gradients.get(column.path)
        if gradient is None or any(_is_outcome(column, value) for value in observed):
            continue
        own = gradient[:, :rows, column.place[-1]] if column.within == "matrix" else gradient[:, :rows]
        if not np.isfinite(own).all() or not np.any(own):
            continue
        group = next((group for group in groups if _proportional(group[0][1], own)), None)
        if group is None:
            groups.append([(column, own)])
        else:
            group.append((column, own))
    return [column for column, _ in max(groups, key=len, default=[])]


def _is_outcome(column: Column, observed: np.ndarray) -> bool:
    flat = observed.reshape(len(observed), -1) if observed.ndim else observed.reshape(0, 0)
    return len(flat) >= len(column.values) and any(
        np.allclose(flat[: len(column.values), i], column.values) for i in range(flat.shape[1])
    )


def _proportional(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two gradients (POINTS, rows) are the same vector at each point, but for a factor."""
    products = np.sum(one * other, axis=1) ** 2
    squares = np.sum(one**2, axis=1) * np.sum(other**2, axis=1)
    return bool(np.all(squares - products <= SAFETY_RTOL * squares))


def _gradients(program: Program, key: str, paths: set[str]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """The derivatives of the log likelihood of a universe by leaves of its data, `(POINTS, *shape)`; what it observes.

    A leaf of whole numbers that the model needs as such, for an index, has none.
    """
    import jax

    with jax.enable_x64(True), TRACING:
        leaves = program.leaves(key)
        observed = [np.asarray(site.value) for site in observed_sites(program, leaves, jax.random.key(0))]
        asked = {path: leaves[path] for path in paths & leaves.keys()}
        real = {path: leaf for path, leaf in asked.items() if leaf.dtype.kind == "f"}
        likelihood = draw_of(program.signature, program.sites, ())
        z = np.random.default_rng(int(program.id, 16)).uniform(
            -START_RADIUS, START_RADIUS, (POINTS, program.sites.dimension)
        )
        slopes = jax.grad(lambda by, at: likelihood({**leaves, **by}, at)[2])

        def at_all(by: Any, z: Any) -> Any:
            return jax.lax.map(lambda at: slopes(by, at), z)

        for some in (asked, real):
            by = {path: leaf.astype(np.float64) for path, leaf in some.items()}
            try:
                found = compiled(at_all, by, z, options=QUICK_COMPILE)(by, z)
            except Exception:  # an index that is no whole number raises in many ways
                continue
            return {path: np.asarray(gradient) for path, gradient in found.items()}, observed
    return {}, observed


# ------------------------------------------------------------------------------------------------- functions
def _of_function(of: DataSet, use: Use) -> Iterator[_Design]:
    """The designs of a function: a matrix or table that comes beside a vector of its length, as X beside y."""
    held = [c for c in of.columns if c.is_numeric and c.within and len(c.place) > 1]
    for columns in _grouped(held, lambda c: c.place[:-1]):
        beside = (c for c in of.columns if c.place[:-1] != columns[0].place[:-1] and c.within != "matrix")
        if not any(len(c.values) == len(columns[0].values) for c in beside) or not _may_be_deficient(columns):
            continue
        if involved := _design(of, columns):
            used = [column for column in involved.dependent if _is_used(of, use, column)]
            if design := _design(of, used):
                yield design


def _is_used(of: DataSet, use: Use, column: Column) -> bool:
    """Whether a function uses a column; where that cannot be told, whether it is one of a matrix."""
    values = (
        np.roll(column.values, 1).astype(float) if column.varies else column.values + np.arange(len(column.values)) % 2
    )
    told = use(of.keys[0], column, values)
    return column.within == "matrix" if told is None else told


# ------------------------------------------------------------------------------------------------- both
def _grouped(columns: Iterable[Column], by: Callable[[Column], Hashable]) -> list[list[Column]]:
    groups: dict[Hashable, list[Column]] = {}
    for column in columns:
        groups.setdefault(by(column), []).append(column)
    return list(groups.values())


def _design(of: DataSet, columns: Sequence[Column]) -> _Design | None:
    """The columns as a design of a rank below their number; None where they are independent."""
    if len(columns) < 2:
        return None
    rank, involved = dependent(np.stack([column.values for column in columns], axis=1).astype(float))
    if rank == len(columns):
        return None
    alike = tuple(column for column, is_in in zip(columns, involved, strict=True) if is_in)
    return _Design(of, alike, rank - (len(columns) - len(alike)))


def _finding(plan: Plan, alike: Sequence[_Design]) -> Finding:
    first = alike[0]
    names = [column.name for column in first.dependent]
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    keys = [key for one in alike for key in one.data_set.keys]
    free = len(names) - first.rank
    what = (
        f"the columns {shown} are linearly dependent{where(plan, keys)}: {len(names)} columns of rank {first.rank} in "
        f"{first.data_set.rows:,} rows. Along {'one direction' if free == 1 else f'{free} directions'} of their "
        f"coefficients the data say nothing, and only the prior does."
    )
    mend = (
        f"leave out {'one' if free == 1 else free} of them in prepare: of dummies the reference, "
        "`pd.get_dummies(column, drop_first=True)`, of parts their total"
    )
    return finding(plan, CHECK, what, keys, mend + forbidding(plan, keys))
