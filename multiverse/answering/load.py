"""`mv.load_network`: the networks of a run from its store, and the study they belong to, ready to answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from multiverse.answering.network import Network, Source
from multiverse.answering.trained import lost_trainings, network_engine, train_command, trained_networks
from multiverse.engines.outcome import Outcome
from multiverse.errors import Problem, ResultError, near_miss
from multiverse.planning.bind import bind
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.progress import Progress, bar
from multiverse.rerun.recorded_design import recorded_design
from multiverse.rerun.source import engine_of, refuse_another, study_of
from multiverse.store.contract import Store
from multiverse.store.place import open_store
from multiverse.store.plan_table import decode_plan
from multiverse.store.records import RunRecord, latest, read_runs
from multiverse.study import Study


def load_network(
    store: str | Path | Store,
    study: Study | Plan | str | Path | None = None,
    *,
    run: str | None = None,
    universe: str | Mapping[str, str | None] | None = None,
    keep: str | Iterable[str] = "estimands",
    ready: bool = True,
    progress: Progress = bar,
) -> Network:
    """The trained network of a run, to answer new data sets with.

    store: where the run is. study: the one that was run, its plan or its file; None: the file that the run recorded.
    run: by default the one started last. universe: which one answers unless told otherwise, as labels by decision, or
    the beginning of its key; by default the reference. keep: which draws answers have, as in `run`. ready: answer the
    study's own data once, so that the first new data set need not wait for a compilation.
    Plans the study, which takes as long as ever. Raises ResultError where the store has no such network, with the
    command that makes one, and where it belongs to another study.
    """
    place = open_store(store, must_exist=True)
    record = _record(place, run)
    declared, whence = study_of(record, study)
    engine = network_engine(engine_of(record), record.run, place.describe())
    if isinstance(study, Plan):
        planned = study
    else:
        recorded = decode_plan(place.get("plan", record.plan))
        planned = plan(declared, design=recorded_design(recorded, declared.space), progress=progress)
    refuse_another(place, planned.identity, whence)
    networks, lost = trained_networks(place, planned, engine), lost_trainings(place, planned, engine)
    if not networks:
        raise ResultError(_no_network(f"the run {record.run!r} of {place.describe()}", place.describe(), lost))
    kept = keep if isinstance(keep, str) else list(keep)
    binding, _ = bind(declared)
    source = Source(place.describe(), record.run)
    network = Network(planned.keeping(kept), binding, engine, networks, source, universe, lost)
    if ready:
        with progress("compiling", 1, "answers") as advance:
            network.answer(network.like)
            advance()
    return network


def _no_network(run: str, store: str, lost: Mapping[str, Outcome]) -> Problem:
    reasons = dict.fromkeys(outcome.message for outcome in lost.values())
    if reasons:
        return Problem(
            f"the network of {run} could not be trained: {'; '.join(reasons)}.",
            "a training that has come as far as a network",
            f"mend that, or train it in another way, as another run: mv.run(study, engine=mv.Amortized(training="
            f"mv.Schedule(...)), store={store!r}, run='network')",
        )
    return Problem(
        f"{run} has trained no network yet.",
        "a run of the engine 'amortized' that has come as far as a network",
        f"let it go on: {train_command(store)}",
    )


def _record(store: Store, run: str | None) -> RunRecord:
    runs = latest(read_runs(store))
    if not runs:
        raise ResultError(
            Problem(f"nothing was run in {store.describe()} yet.", "a trained network", train_command(store.describe()))
        )
    if run is None:
        return max(runs.values(), key=lambda record: record.started)
    if run not in runs:
        raise ResultError(
            Problem(
                f"{store.describe()} has no run {run!r}.",
                f"one of {', '.join(map(repr, runs))}",
                f"{near_miss(run, runs)}Name a run, as in run={next(iter(runs))!r}",
            )
        )
    return runs[run]
