"""All planned universes of a run, answered or not, as a running summary needs them: program, batch, final answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multiverse.engines.by_name import is_one_shot
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store, Table
from multiverse.store.part import ESTIMATE
from multiverse.store.plan_table import OPTION, decode_header
from multiverse.store.records import RunRecord, plan_of, read_runs
from multiverse.store.row_scan import scan_rows
from multiverse.store.same_as import SAME_AS

if TYPE_CHECKING:
    import pandas as pd

PARAMETERIZATION: Final = "parameterization"  # the kind whose options do not change the analysis
NUMBERS: Final = ("median", "mcse_mean", "q2_5", "q97_5")
NOBODYS: Final = -1  # the stratum of universes that no batch answers, and the batch of those not answered for good


@dataclass(frozen=True, eq=False)
class RunningRows:
    """Every planned universe of a run. keys: in the order of the plan.

    stratum: (n,) a number for its program and for the plan with which it came, NOBODYS where planning found that it
    cannot be answered: universes of a wider plan are a sample of their own. weight: (n,) one over the number of
    universes that differ from it in parameterization only, itself included. one_shot: whether the engine asks once, in
    a random order. verified_by: as the plan's header says it. `of` gives the table for an estimand.
    """

    estimands: tuple[str, ...]
    keys: tuple[str, ...]
    stratum: np.ndarray
    weight: np.ndarray
    reference: np.ndarray
    one_shot: bool
    verified_by: str
    _final: Table  # the final attempts
    _at: np.ndarray  # their universes, as places in `keys`

    def of(self, estimand: str) -> pd.DataFrame:
        """A row for each universe: stratum, batch, weight, source, reference, ok, interval and `NUMBERS`, NaN for none.

        batch: a number for the batch of the final answer; that of the universe that was run, where one shares its
        answer with an exact duplicate; NOBODYS where there is no final answer. source: the place of the universe that
        was run.
        """
        import pandas as pd

        n, at = len(self.keys), self._at
        batch, source, ok = np.full(n, NOBODYS), np.arange(n), np.zeros(n, dtype=bool)
        ran = _ran(self._final)
        batch[at] = _numbered(self._final["batch"])[ran]
        source[at] = at[ran]
        ok[at] = self._final["reason"].is_null().to_numpy(zero_copy_only=False)
        numbers = {name: np.full(n, np.nan) for name in NUMBERS}
        interval = np.full(n, "credible", dtype=object)
        for name in NUMBERS:
            rows, values = _numbers_of(self._final, estimand, ESTIMATE + name)
            numbers[name][at[rows]] = values
        rows, kinds = _numbers_of(self._final, estimand, "interval")
        interval[at[rows]] = np.where(pd.isna(kinds), "credible", kinds)
        told = {"stratum": self.stratum, "batch": batch, "weight": self.weight, "source": source}
        return pd.DataFrame({**told, "reference": self.reference, "ok": ok, "interval": interval, **numbers})


def running_rows(store: Store, record: RunRecord, records: Sequence[RunRecord] | None = None) -> RunningRows:
    """The planned universes of a run, as they are at this moment. records: all of the store, if they are at hand."""
    plan = plan_of(store, record)
    header = decode_header(plan)
    names = [*COLUMNS, "reason", SAME_AS, "estimand", "interval", *(ESTIMATE + name for name in NUMBERS)]
    rows = distinct(scan_rows(store, names))
    final = rows.filter(pc.and_(pc.equal(rows["run"], record.run), pc.and_(rows["shown"], rows["final"])))
    place = pc.index_in(final["key"], plan["key"].combine_chunks())
    final = final.filter(pc.is_valid(place))
    calls = [call for call in (read_runs(store) if records is None else records) if call.run == record.run]
    analysis = [OPTION + decision.name for decision in header.decisions if decision.kind != PARAMETERIZATION]
    settings = {name: json.loads(value or "null") for name, value in record.sections.get("settings", {}).items()}
    return RunningRows(
        header.estimands,
        tuple(plan["key"].to_pylist()),
        _strata(store, plan, record, calls),
        _weights(plan, analysis),
        plan["reference"].to_numpy(zero_copy_only=False).astype(bool),
        is_one_shot(settings),
        header.verified_by,
        final,
        place.drop_null().to_numpy().astype(np.int64),
    )


def _strata(store: Store, plan: Table, record: RunRecord, calls: Sequence[RunRecord]) -> np.ndarray:
    """(n,) programs, apart for each plan with which universes came, and NOBODYS for those of no program."""
    code = _numbered(plan["program"])
    kept = store.names("plan")
    earlier = [name for name in dict.fromkeys(call.plan for call in calls) if name != record.plan and name in kept]
    came = np.full(len(code), len(earlier))  # with this plan
    for number, name in reversed(list(enumerate(earlier))):
        came[pc.is_in(plan["key"], store.get("plan", name, ["key"])["key"].combine_chunks()).to_numpy()] = number
    nobodys = pc.equal(plan["program"], "").to_numpy(zero_copy_only=False)
    return np.asarray(np.where(nobodys, NOBODYS, code * (len(earlier) + 1) + came))


def _weights(plan: Table, analysis: Sequence[str]) -> np.ndarray:
    """(n,) one over the number of universes with the same options of these decisions."""
    group = np.zeros(plan.num_rows, dtype=np.int64)
    for name in analysis:
        labels = plan[name].combine_chunks().dictionary_encode(null_encoding="encode")
        option = labels.indices.to_numpy(zero_copy_only=False)
        group = np.unique(group * (len(labels.dictionary) + 1) + option, return_inverse=True)[1]
    return np.asarray(1 / np.bincount(group)[group] if len(group) else group.astype(float))


def _ran(final: Table) -> np.ndarray:
    """(rows,) the row of the universe that was run: the row itself, or that whose answer it shares."""
    own = np.arange(final.num_rows)
    shared = pc.index_in(final[SAME_AS], final["key"].combine_chunks(), skip_nulls=True)
    return np.asarray(pc.coalesce(shared, pa.array(own, pa.int32())).to_numpy(zero_copy_only=False))


def _numbered(column: pa.ChunkedArray) -> np.ndarray:
    """(rows,) a number for each text."""
    codes: np.ndarray = column.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return codes.astype(np.int64)


def _numbers_of(rows: Table, estimand: str, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Which rows tell something of an estimand in a column of lists beside `estimand`, and what it is."""
    names, told = _whole(rows["estimand"]), _whole(rows[column])
    valid = told.is_valid().to_numpy(zero_copy_only=False)
    parents = pc.list_parent_indices(names).to_numpy()
    beside = valid[parents]
    mine = pc.equal(pc.list_flatten(names), estimand).to_numpy(zero_copy_only=False)
    return parents[mine & beside], pc.list_flatten(told).to_numpy(zero_copy_only=False)[mine[beside]]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
