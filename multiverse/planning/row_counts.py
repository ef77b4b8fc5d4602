"""Which arrays of a family hold rows, and how many rows each of its data sets has: what padding must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multiverse.planning.branching import plain
from multiverse.planning.family import Candidate, Family
from multiverse.planning.leaf_path import spoken
from multiverse.planning.model_trace import ModelTrace, trace_model
from multiverse.planning.only_simulates import OnlySimulates
from multiverse.planning.padding import Padding, common_rows, row_paths, rung
from multiverse.planning.prepare import Prepared


@dataclass(frozen=True)
class Rows:
    """paths: the arrays that hold rows. counts: rows by number of the data set. raw_rows: of the raw table, or None."""

    paths: frozenset[str]
    counts: Mapping[int, int]
    raw_rows: int | None

    def padding(self, prepared: Prepared) -> Padding:
        """How a data set is padded."""
        return Padding(rung(self.counts[prepared.number], self.raw_rows), self.paths)


def rows_of(
    family: Family, members: Sequence[Candidate], trace: ModelTrace, known: Sequence[str], raw_rows: int | None
) -> tuple[Rows | None, str]:
    """The rows of some universes of a family; or None, and why their data cannot be padded.

    trace: of the member with the longest data. known: the leaves that the model must know.
    """
    if isinstance(family.model, OnlySimulates):
        return None, "a simulator has no rows that could be masked"
    lengths = {use.length for use in trace.rows}
    if not lengths:
        return None, "the model does not say which of its sites stand for rows: use `with mv.rows(data):`"
    if trace.row_latents:
        return None, f"the latent site {trace.row_latents[0]!r} lies inside mv.rows"
    if len(lengths) > 1:
        return None, f"mv.rows is used with several lengths: {', '.join(map(str, sorted(lengths)))}"
    largest = max(members, key=lambda m: m.prepared.size)
    paths = row_paths(largest.prepared.leaves, next(iter(lengths)))
    counts: dict[int, int] = {}
    for member in members:
        data = member.prepared
        if data.number in counts:
            continue
        rows = common_rows(data.leaves, paths)
        if rows is None:  # an array had the length of the rows by chance: ask the model about this data set
            rows = _asked(family, member, known)
            if rows is None:
                return None, "mv.rows is used with several lengths"
            paths &= row_paths(data.leaves, rows)
        counts[data.number] = rows
    if not paths:
        return None, "no array has the length that mv.rows is given"
    if both := sorted(paths & set(known)):
        return None, f"the model needs {spoken(both[0])} as plain numbers"
    return Rows(paths, counts, raw_rows), ""


def _asked(family: Family, member: Candidate, known: Sequence[str]) -> int | None:
    leaves = family.leaves(member)
    fixed = {path: plain(leaves.pop(path)) for path in known}
    try:
        lengths = {use.length for use in trace_model(family.signature(fixed), leaves).rows}
    except Exception:  # it is traced again, unpadded, and the mistake is told then
        return None
    return lengths.pop() if len(lengths) == 1 else None
