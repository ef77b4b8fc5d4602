"""The rows of a store as labelled arrays: the small tables of an archive, a dataset for each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from multiverse import __version__
from multiverse.store.meanings import meanings
from multiverse.store.plan_table import PlanHeader, decode_header
from multiverse.store.records import RunRecord, latest, read_runs
from multiverse.store.schema import VIEWS
from multiverse.store.sql import ask

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from duckdb import DuckDBPyConnection

    from multiverse.store.contract import Store

Variable: TypeAlias = tuple[Any, np.ndarray, dict[str, str]]  # dims, values, attributes
FORMAT: Final = "multiverse archive 1"  # a reader may count on the groups and names of this number
TEXTS: Final = ("reason", "engine", "program", "host", "batch", "verified_by")  # of the view universes
RUNS: Final = "runs"  # the group that holds a group for each run
ABOUT: Final = {
    "missing values": "NaN in numbers, the empty text in words; a decision that does not apply is the empty text",
    "how to read": "xarray.open_datatree(FILE), or one group by itself: xarray.open_dataset(FILE, group=GROUP)",
}


@dataclass(frozen=True)
class RunTable:
    """The rows of one run, and where its draws are.

    group: its name in the archive. keys: in the order of the plan. at: (batch, attempt) of each answered universe,
    by key.
    """

    run: str
    group: str
    keys: tuple[str, ...]
    at: Mapping[str, tuple[str, int]]
    dataset: xr.Dataset
    attempts: xr.Dataset


def root(store: Store) -> dict[str, str]:
    """What is said of the archive as a whole."""
    headers = list(_headers(store).values())
    return {
        "format": FORMAT,
        "title": f"A multiverse analysis: {headers[0].study}" if headers else "A multiverse analysis without runs",
        "written by": f"multiverse {__version__}",
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": ", ".join(_headers(store)),
        **ABOUT,
    }


def shared_tables(con: DuckDBPyConnection) -> Iterator[tuple[str, xr.Dataset]]:
    """(group, dataset) of what belongs to no run alone: the options, and the manifest of all runs."""
    yield "options", _table(ask(con, "select * from options"), "options", "option")
    yield "manifest", _table(ask(con, "select * from manifest"), "manifest", "fact")


def run_tables(store: Store, con: DuckDBPyConnection) -> Iterator[RunTable]:
    """The rows of each run of a store."""
    groups: set[str] = set()
    for run, header in _headers(store).items():
        group = unlike(safe(run), groups)
        groups.add(group)
        yield _run_table(con, run, group, header)


def safe(name: str) -> str:
    """The name for a group or variable of an archive, where a slash parts groups and dots are folders."""
    return name.replace("/", "|") if set(name) - {"."} else f"run {name}"


def unlike(name: str, taken: set[str]) -> str:
    """The name, or with underscores behind it if it is taken."""
    while name in taken:
        name += "_"
    return name


def _headers(store: Store) -> dict[str, PlanHeader]:
    records: dict[str, RunRecord] = latest(read_runs(store))
    return {run: decode_header(store.get("plan", record.plan)) for run, record in records.items()}


def _run_table(con: DuckDBPyConnection, run: str, group: str, header: PlanHeader) -> RunTable:
    import xarray as xr

    of_run = "where run = '{}'".format(run.replace("'", "''"))
    planned = ask(con, f"select * from planned {of_run}")
    universes = ask(con, f"select * from universes {of_run}").set_index("key")
    failures = ask(con, f"select key, message, mend, traceback from failures {of_run}").set_index("key")
    estimates = ask(con, f"select * from estimates {of_run}")
    attempts = ask(con, f"select * exclude (run) from diagnostics {of_run}")
    keys = planned["key"].tolist()
    coords = {"universe": ("universe", _texts(keys), _said("planned", "key")), **_decisions(planned, header)}
    variables = _of_universes(planned, universes.reindex(keys), failures.reindex(keys))
    estimands = list(dict.fromkeys([*header.estimands, *estimates["estimand"]]))
    coords["estimand"] = ("estimand", _texts(estimands), _said("estimates", "estimand"))
    table = estimates.set_index(["key", "estimand"])
    for name in estimates.columns[list(estimates.columns).index("estimand") + 1 :]:
        if name == "verified_by":  # the same for all estimands: said of the universe
            continue
        square = table[name].unstack("estimand").reindex(index=keys, columns=estimands)
        words = name == "interval"
        values = _texts(square.to_numpy().ravel()).reshape(square.shape) if words else _floats(square)
        variables[unlike(name, {*coords})] = (("universe", "estimand"), values, _said("estimates", name))
    where = zip(universes.index, universes["batch"], universes["attempt"], strict=True)
    return RunTable(
        run,
        group,
        tuple(keys),
        {key: (batch, int(attempt)) for key, batch, attempt in where},
        xr.Dataset(variables, coords, {"run": run, "study": header.study}),
        _table(attempts, "diagnostics", "try"),
    )


def _decisions(planned: pd.DataFrame, header: PlanHeader) -> dict[str, Variable]:
    """The labels of each decision along the universes; a decision may be called like something else in its group."""
    views = ("universes", "estimates", "planned", "failures")
    taken = {"universe", "attempts", "draws", *(column for view in views for column in VIEWS[view])}
    spelled = {column.lower(): column for column in planned.columns}  # SQL has one spelling for all runs
    found: dict[str, Variable] = {}
    for decision in header.decisions:
        said = {"long_name": f"label of the option taken for {decision.name}", "kind": decision.kind}
        found[unlike(decision.name, taken)] = ("universe", _texts(planned[spelled[decision.name.lower()]]), said)
    return found


def _of_universes(planned: pd.DataFrame, rows: pd.DataFrame, failures: pd.DataFrame) -> dict[str, Variable]:
    """What is said once of each universe. rows, failures: of all universes, missing where there is nothing."""
    found: dict[tuple[str, str], Any] = {
        ("planned", name): planned[name].to_numpy(bool) for name in ("answered", "reference")
    }
    found |= {("universes", name): rows[name].eq(True).to_numpy(bool) for name in ("ok", "final")}
    found |= {("universes", name): _texts(rows[name]) for name in TEXTS}
    found |= {("universes", name): _floats(rows[name]) for name in ("attempt", "rows_kept", "seconds")}
    found["universes", "finished"] = _texts(["" if t is None or t != t else t.isoformat() for t in rows["finished"]])
    found |= {("failures", name): _texts(failures[name]) for name in ("message", "mend", "traceback")}
    return {name: ("universe", values, _said(view, name)) for (view, name), values in found.items()}


def _table(frame: pd.DataFrame, view: str, dim: str) -> xr.Dataset:
    """A view as it is: a variable for each column, along one dimension."""
    import xarray as xr

    return xr.Dataset({name: (dim, _column(frame[name]), _said(view, name)) for name in frame.columns})


def _column(column: pd.Series[Any]) -> np.ndarray:
    if column.dtype.kind == "b":
        return column.to_numpy(bool)
    if column.dtype.kind in "iuf":
        return column.to_numpy(np.float64, na_value=np.nan) if column.dtype.kind == "f" else column.to_numpy()
    return _texts(column)


def _floats(numbers: pd.DataFrame | pd.Series[Any]) -> np.ndarray:
    return np.asarray(numbers.to_numpy(np.float64, na_value=np.nan))


def _texts(values: Sequence[Any] | Any) -> np.ndarray:
    """Text, (n,), the empty one where there is none."""
    return np.array(["" if value is None or value != value else str(value) for value in values], dtype=object)


def _said(view: str, column: str) -> dict[str, str]:
    """The attributes of a variable, as the CF conventions name them; none for what an engine added."""
    meaning = meanings()[view].get(column)
    if meaning is None:
        return {}
    return {"long_name": meaning.text, **({"units": meaning.unit} if meaning.unit else {})}
