"""What a user holds after a sweep: tables, SQL, draws, aggregates and the figure. Reads the store, changes nothing."""

from __future__ import annotations

import functools
import html
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiverse.aggregate.answers import Answers
from multiverse.aggregate.verified import remark
from multiverse.aggregate.weigh import EVIDENCE, UNIVERSES
from multiverse.errors import Problem, ResultError, near_miss
from multiverse.progress import Progress, bar
from multiverse.store.contract import Store
from multiverse.store.limits import SECONDS
from multiverse.store.place import open_store
from multiverse.store.plan_table import PlanHeader, PlanRecord, decode_plan
from multiverse.store.records import RunRecord, latest, read_runs

if TYPE_CHECKING:
    import arviz as az
    import duckdb
    import pandas as pd
    import xarray as xr

    from multiverse.aggregate.comparison import Comparison
    from multiverse.aggregate.estimates import Estimates
    from multiverse.aggregate.evidence import Evidence
    from multiverse.aggregate.running import Running
    from multiverse.planning.plan import Plan
    from multiverse.plot.figure import Figure
    from multiverse.power_scaling.power_scaling import PowerScaling
    from multiverse.rerun.rerun import Rerun
    from multiverse.study import Study
    from multiverse.verify.verification import Verification

SUMMARISED = 3  # estimands whose summary a notebook shows at once


@dataclass(frozen=True)
class Results(Answers):
    """The answers of one run of a store, as they are at the moment of asking: a sweep may still be writing.

    study: what was answered, where this process ran it; None for a store that was loaded. stopped: why the sweep that
    gave them ended before all was answered (`stop_when`), empty where it did not.
    """

    store: Store
    run: str
    study: Study | None = field(default=None, repr=False, compare=False)
    stopped: str = field(default="", repr=False, compare=False)

    @functools.cached_property
    def record(self) -> RunRecord:
        """The latest call of this run: settings, versions, hardware."""
        runs = latest(read_runs(self.store))
        if self.run not in runs:
            raise ResultError(
                Problem(
                    f"{self.store.describe()} has no run {self.run!r}.",
                    f"one of {', '.join(map(repr, runs)) or 'none: nothing was run yet'}",
                    f"{near_miss(self.run, runs)}Name a run, as in run={next(iter(runs), 'main')!r}",
                )
            )
        return runs[self.run]

    @functools.cached_property
    def plan(self) -> PlanRecord:
        """The space this run last planned: every universe with its labels."""
        return decode_plan(self.store.get("plan", self.record.plan))

    @property
    def header(self) -> PlanHeader:
        """Study, estimands and decisions, with kinds, reasons and plausibilities."""
        return self.plan.header

    @property
    def estimands(self) -> tuple[str, ...]:
        """The names of the estimands."""
        return self.header.estimands

    def sql(self, query: str, *, seconds: float = SECONDS) -> pd.DataFrame:
        """One SELECT on the views of docs/schema.md (of all runs of the store), read-only, as a DataFrame.

        seconds: it is stopped if it takes longer. Raises ResultError where it cannot be answered.
        """
        from multiverse.store.sql import query as ask

        return ask(self.store, query, seconds=seconds)

    def attach(self, con: duckdb.DuckDBPyConnection, name: str | None = None) -> None:
        """Give a DuckDB connection of your own the same views, in a database `name`: `con.sql("from NAME.estimates")`.

        name: by default that of the store's folder. They read the store's files at each question, as they are then.
        Raises StoreError for a store that is no folder of this machine, and for a name that is taken.
        """
        from multiverse.store.attach import attach_views, database_name

        attach_views(con, self.store, database_name(Path(self.store.describe())) if name is None else name)

    def table(self, estimand: str | None = None) -> pd.DataFrame:
        """One row per answered universe: key, a column for each decision, reference, ok, reason, the estimate.

        estimand: by default the first one. `interval` says which kind its quantiles span: credible, confidence, none.
        """
        wanted = self._estimand(estimand).replace("'", "''")
        run = self.run.replace("'", "''")
        usual = "" if self.header.verified_by else ", verified_by"  # where it is the same as ever
        numbers = "interval, mean, sd, median, q2_5, q25, q75, q97_5, p_positive, mcse_mean, ess, ess_tail, rhat"
        return self.sql(
            f"""select u.* exclude (run, attempt, final, batch, host, finished{usual}), {numbers}
            from universes u left join (select * from estimates where estimand = '{wanted}') e using (key, run)
            where run = '{run}' order by u.rowid"""
        )

    def failures(self) -> pd.DataFrame:
        """One row per red universe: key, decisions, reason, message, mend, traceback."""
        return self.sql("select * from failures").query("run == @self.run").reset_index(drop=True)

    def status(self) -> dict[str, int]:
        """How many universes are planned, answered for good, green and red."""
        name = self.run.replace("'", "''")
        counts = self.sql(
            f"""select count(*) as planned, count(u.key) filter (u.final) as answered,
                count(u.key) filter (u.final and u.ok) as green
            from planned p left join universes u using (key, run) where run = '{name}'"""
        )
        planned, answered, green = (int(counts[c].iloc[0]) for c in ("planned", "answered", "green"))
        return {"planned": planned, "answered": answered, "green": green, "red": answered - green}

    def draws(self, names: str | Iterable[str] | None = None, *, keys: Iterable[str] | None = None) -> xr.Dataset:
        """Draws as xarray, read from disk only when their values are asked for.

        names: estimands, kept sites, `log_prior`, `log_likelihood`; by default the estimands. keys: by default all
        answered universes. Dims (universe, chain, draw, *site dims); the coordinate universe holds keys.
        """
        from multiverse.store.lazy_draws import draws_names, open_draws

        kept = {name.split("/", 1)[1]: name for name in sorted(draws_names(self.store, self.run), reverse=True)}
        asked = list(self.estimands) if names is None else [names] if isinstance(names, str) else list(names)
        if unknown := [name for name in asked if name not in kept]:
            raise ResultError(
                Problem(
                    f"draws of {unknown[0]!r} were not kept.",
                    f"one of {', '.join(kept) or 'none'}",
                    f"{near_miss(unknown[0], kept)}Run again with keep='all' or keep=[{unknown[0]!r}] in a new run",
                )
            )
        if keys is None:
            keys = self.sql("select key, run from universes").query("run == @self.run")["key"]
        found = open_draws(self.store, self.run, [kept[name] for name in asked], list(keys))
        return found.rename({kept[name]: name for name in asked if kept[name] in found})

    def universe(self, key: str) -> az.InferenceData:
        """The kept draws of one universe as an ArviZ object.

        key: the universe's key, or the beginning of it. Groups: posterior, with estimands and kept sites (an estimand
        hides a site of its name); sample_stats, with `log_prior` and `log_likelihood_total` (over all observations),
        in nats. Raises ResultError where nothing could be drawn.
        """
        from multiverse.store.inference_data import inference_data
        from multiverse.store.lazy_draws import universe_data

        whole = self.key(key)
        found = universe_data(self.store, self.run, whole)
        if not found:
            why = self.failures().query("key == @whole")["message"].to_list()
            raise ResultError(
                Problem(
                    f"the universe {whole} of run {self.run!r} has no draws" + "".join(f": {text}" for text in why),
                    "a universe in which sampling got as far as draws",
                    "`results.failures()` has its traceback; mend the study, and answer it again in another run",
                )
            )
        return inference_data(found)

    def rerun(
        self,
        key: str,
        study: Study | Plan | str | Path | None = None,
        *,
        engine: Any = None,
        keep: str | Iterable[str] = "all",
        progress: Progress = bar,
    ) -> Rerun:
        """One universe once more, alone and with everything shown; `.same` says whether it gives the same draws.

        key: of an answered universe, or the beginning of it, or "reference". study: the study, its plan or its file;
        None: that of this process, else the file that the run recorded. engine: the engine itself, where it is not one
        of ours. keep: which draws come with it, as in `run`. Writes nothing. Raises ResultError where the universe is
        not answered, where the study was changed since (and says what), and where nothing says which study it is.
        """
        from multiverse.rerun.rerun import rerun

        kept = keep if isinstance(keep, str) else list(keep)
        of = self.study if study is None else study
        return rerun(self.store, self.run, self.key(key), of, engine=engine, keep=kept, progress=progress)

    def verify(
        self,
        study: Study | Plan | str | Path | None = None,
        *,
        n: int | None = 20,
        seed: int = 0,
        engine: Any = None,
        executor: Any = None,
        progress: Progress = bar,
    ) -> Verification:
        """A random sample of universes answered again and compared with the store; `.ok` is the verdict.

        n: how many, spread over programs; None: all. seed: of the sample. study, engine: as in `rerun`. executor: such
        as `Local()`, to answer many side by side. Writes nothing.
        """
        from multiverse.rerun.again import answering
        from multiverse.verify.verify import verify

        of = self.study if study is None else study
        with answering(executor, progress) as together:
            return verify(self.store, self.run, of, n=n, seed=seed, engine=engine, together=together, progress=progress)

    def export(self, out: str | Path, *, draws: bool = True, progress: Progress = bar) -> Path:
        """Write the whole store, all its runs, into one archive; gives its path.

        out: `radon.nc` (netCDF4), `radon.zarr`, or a folder for CSV files. draws: whether the kept draws go too.
        Raises ResultError where there is something of that name, or where a package is missing.
        """
        from multiverse.export.export import export

        return export(self.store, out, draws=draws, progress=progress)

    def key(self, beginning: str) -> str:
        """The whole key of a universe from its first characters; `reference` stands for the reference universe."""
        return self.plan.key(beginning)

    def estimates(self, estimand: str | None = None, *, weigh: str = UNIVERSES) -> Estimates:
        """The value that aggregates and plots read: estimates of one estimand over all answered universes.

        weigh: "universes" (all alike), "branches" (each branch of an `only_when` alike), or "evidence" (by marginal
        likelihood, where those of all green ones may be compared; else ResultError says why not).
        """
        from multiverse.aggregate.estimates import DecisionInfo, Estimates

        header = self.header
        decisions = {
            d.name: DecisionInfo(
                d.kind, tuple(o.label for o in d.options), next(o.label for o in d.options if o.reference)
            )
            for d in header.decisions
        }
        name, planned = self._estimand(estimand), len(self.plan.universes)
        space, taken = (None, "") if header.part is None else header.part
        table = self._with_evidence(name) if weigh == EVIDENCE else self.table(name)
        return Estimates(name, table, decisions, planned, space, header.links, weigh, taken, header.verified_by)

    def running(self, estimand: str | None = None) -> Running:
        """What a run that is under way tells of the whole plan: share that agrees and median, with intervals."""
        from multiverse.aggregate.running import running
        from multiverse.store.running_rows import running_rows

        name, rows = self._estimand(estimand), running_rows(self.store, self.record)
        return running(name, rows.of(name), one_shot=rows.one_shot, verified_by=rows.verified_by)

    def evidence(self) -> Evidence:
        """Log marginal likelihoods with their errors, and Bayes factors between universes that may be compared.

        `.factor(key, other)` gives that of two; where they may not be compared it is refused, and the reason said.
        """
        from multiverse.aggregate.evidence import evidence

        return evidence(replace(self.estimates(), table=self._with_evidence(self.estimands[0])))

    def _with_evidence(self, estimand: str) -> pd.DataFrame:
        """`table`, and beside it log marginal likelihoods, and what each universe observes."""
        from multiverse.store.evidence_columns import evidence_columns

        return self.table(estimand).merge(evidence_columns(self.store, self.run, self.plan), on="key", how="left")

    def compare(self, other: str | Results, estimand: str | None = None) -> Comparison:
        """How another run answers: differences in Monte Carlo errors, changed conclusions and colours, seconds.

        other: the name of another run of this store, or results of any store of the study. estimand: by default the
        first that both have. Raises ResultError where they have none in common.
        """
        from multiverse.aggregate.common_ground import common_estimand, differences
        from multiverse.aggregate.comparison import compare

        there = Results(self.store, other) if isinstance(other, str) else other
        runs = (self.run, there.run)
        if self.run == there.run:
            runs = (f"{self.run} of {self.store.describe()}", f"{there.run} of {there.store.describe()}")
        name = common_estimand(self.estimands, there.estimands, runs, estimand)
        notes = differences(self.record.sections, there.record.sections, runs, name)
        return compare(self.estimates(name), there.estimates(name), runs, notes)

    def power_scaling(
        self, estimand: str | None = None, *, threshold: float | None = None, progress: Progress = bar
    ) -> PowerScaling:
        """How sensitive an estimand is to prior and likelihood, in each universe, from draws that are there already.

        threshold: from where on it is, 0.05 by default. Raises ResultError where no universe kept log densities.
        """
        from multiverse.power_scaling.power_scaling import power_scaling

        return power_scaling(self.store, self.run, self.estimates(estimand), progress, threshold)

    def curve(self, estimand: str | None = None, **options: Any) -> Figure:
        """The specification curve; `.save("curve.pdf", width="89mm")` writes it with its data and caption."""
        from multiverse.plot.figure import specification_curve

        return specification_curve(self.estimates(estimand), **options)

    def _estimand(self, name: str | None) -> str:
        if name is None:
            return self.estimands[0]
        if name not in self.estimands:
            raise ResultError(
                Problem(
                    f"{name!r} is not an estimand of this run.",
                    f"one of {', '.join(self.estimands)}",
                    f"{near_miss(name, self.estimands)}Name an estimand, or leave it out for the first one",
                )
            )
        return name

    def __repr__(self) -> str:
        counts = self.status()
        return (
            f"Results of {self.header.study!r}, run {self.run!r} in {self.store.describe()}: "
            f"{counts['answered']} of {counts['planned']} universes answered"
            f"{f' (a part of {part.of:,})' if (part := self.header.part) else ''}, {counts['green']} green, "
            f"{counts['red']} red; estimands {', '.join(self.estimands)}{remark(self.header.verified_by)}"
        )

    def _repr_html_(self) -> str:
        """What `repr` says, and below it the summary of each of the first estimands."""
        summaries = "".join(self.summary(name)._repr_html_() for name in self.estimands[:SUMMARISED])
        return f"<div><p>{html.escape(repr(self))}</p>{summaries}</div>"


def load(store: str | Path | Store, *, run: str | None = None) -> Results:
    """The results of a store; run: by default the one that was started last."""
    place = open_store(store, must_exist=True)
    runs = latest(read_runs(place))
    if run is None and not runs:
        problem = Problem(f"{place.describe()} holds no run.", "a store a run has written", "run a study first")
        raise ResultError(problem)
    return Results(place, next(iter(runs)) if run is None else run)
