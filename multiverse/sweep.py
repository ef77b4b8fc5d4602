"""The one loop that knows an engine, an executor and a store."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from multiverse.aggregate.stop_when import StopWhen
from multiverse.batch_sizes import sized
from multiverse.earlier import earlier, reasons_named
from multiverse.engines.by_name import ENGINES as ENGINES
from multiverse.engines.by_name import check_engine, usual_engine
from multiverse.engines.engine import Batch, Engine
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError, Problem, StoreError, near_miss
from multiverse.executors.executor import Executor
from multiverse.executors.local import Local
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.known_failures import publish_failures
from multiverse.planning.build import plan as make_plan
from multiverse.planning.machines import Machines
from multiverse.planning.plan import Plan
from multiverse.progress import Progress, bar, beating
from multiverse.re_estimate.recompute import re_estimate
from multiverse.results import Results
from multiverse.routes import routed
from multiverse.run_record import begin_run, check_run
from multiverse.shared_answers import share
from multiverse.stopping import Stopping, check_stop
from multiverse.store.compact import compact_if_worth
from multiverse.store.contract import Store
from multiverse.store.memory import MemoryStore
from multiverse.store.part import DIAGNOSTIC
from multiverse.store.place import open_store
from multiverse.store.row_scan import scan_rows
from multiverse.study import Study
from multiverse.work import SweepWork

EXECUTORS: Mapping[str, type[Any]] = {"local": Local, "ray": Ray}
DEFAULT_RUN = "main"
FLOAT32_ROUNDING = 2.0**-24  # relative, of one operation: IEEE 754-2019, binary32
FLOAT32_LOG_JOINT_MAX = 1e5  # nats; rounded by 0.006 nats there: the change of a trajectory's energy is about 0.1


def run(
    plan: Plan | Study,
    *,
    store: str | Path | Store | None = None,
    engine: str | Engine[Any] | None = None,
    executor: str | Executor = "local",
    run: str = DEFAULT_RUN,
    seed: int | None = None,
    keep: str | Iterable[str] = "estimands",
    retry: str | Iterable[str] | None = None,
    time_limit: float | None = None,
    stop_when: StopWhen | None = None,
    progress: Progress = bar,
) -> Results:
    """Answer every universe of a plan that the store does not hold yet, and return the results.

    plan: of `multiverse.plan`, or a study, which is planned first. store: a folder (made when it is not there), a
    store, or None: in memory. engine, executor: a name, or a value with settings, as in `NUTS(draws=1000)`; by default
    `Auto()` for a model, `Function()` for an `estimate` function, and this process. run: the name of the run in the
    store; one run has one engine and one set of settings. seed: replaces the engine's. keep: which draws are kept
    beside those of the estimands: "estimands" (none), "all", or names of sites. retry: red universes that are tried
    again, with other random numbers: "failures" for all of them, or the names of reasons, as in "time". time_limit:
    seconds that a universe may take, not counting compilation. stop_when: stop when intervals of the running summary
    are so narrow, as in `StopWhen(share=0.05)`; `Results.stopped` says why, and the same call without it goes on.

    Of exact duplicates (`Plan.twins`) one is run, and the others get its answer; `same_as` names it in their rows.
    A killed run goes on where it stopped: give the same call again. A universe that fails is an outcome with a reason
    (see `Results.failures`), never an exception. Raises StoreError where the store belongs to another study, where the
    run has other settings or has answered universes without an estimand; PlanError for a study that cannot be planned.
    Warns (UserWarning) of universes whose log joint is too large for float32.
    """
    planned = plan if isinstance(plan, Plan) else make_plan(plan, progress=progress)
    place = MemoryStore() if store is None else open_store(store)
    settings = _chosen(engine if engine is not None else usual_engine(planned.study), ENGINES, "engine")
    check_engine(planned.study, settings)
    if seed is not None:
        settings = dataclasses.replace(settings, seed=seed)
    runner: Executor = _chosen(executor, EXECUTORS, "executor")
    planned = _limited(planned.keeping(_known(planned, keep)), time_limit)
    again = reasons_named(retry)
    check_stop(stop_when, [estimand.name for estimand in planned.wanted.estimands])
    with contextlib.closing(runner):
        return _swept(place, planned, settings, runner, run, again, stop_when, progress)


def _swept(
    place: Store,
    planned: Plan,
    settings: Any,
    runner: Executor,
    run: str,
    again: frozenset[Reason],
    stop_when: StopWhen | None,
    progress: Progress,
) -> Results:
    if runner.in_process:
        # how batches are cut does not hang on the number of threads: it may be another one when the run goes on
        machines = dataclasses.replace(runner.machines, workers=Machines().workers)
        planned = dataclasses.replace(planned, machines=machines)
    else:
        check_run(place, planned, settings, run)  # before machines are started, which takes its time
        planned = _placed(planned, place, runner, run, again, progress)
    planned = _decided(place, planned, settings, run, progress)
    begin_run(place, planned, settings, run)
    planned = _decided(place, planned, settings, run, progress)  # another process may have decided a moment before
    re_estimate(place, planned, settings, run, progress)
    twins = share(place, planned, run, progress)
    before = earlier(place, run, again)
    todo = planned.without(before.done)
    following = {first: others for first, others in twins.items() if first in todo.todo}
    todo = todo.without(key for others in following.values() for key in others)
    tried = before.of(todo.todo, planned.universes.keys())
    todo = todo.without(publish_failures(place, todo, run, tried))
    state = settings.init(todo, tried)
    work = SweepWork(place, settings, run, following)
    answered_by = {key: 1 + len(following.get(key, ())) for key in todo.todo}  # it, and its twins
    to_answer = [key for first in todo.todo for key in (first, *following.get(first, ()))]
    stopping = None if stop_when is None else Stopping(stop_when, place, run, settings, to_answer)
    stopped = "" if stopping is None else stopping.why()
    with contextlib.ExitStack() as stack:
        advance = stack.enter_context(progress("answering universes", len(to_answer), "universes"))
        green, answers, waiting, notes = 0, 0, set[str](), list[str]()

        def tell(count: int = 0) -> None:
            doing = [note(state)] if (note := getattr(settings, "note", None)) else []
            advance(count, note=", ".join(filter(None, [*doing, *notes, runner.note()])))

        if not runner.in_process:
            stack.enter_context(beating(tell))
        while not stopped and (batches := settings.ask(state)):
            published = place.names("part")
            round_ = _round(batches, published, work, runner)
            for batch, outcomes in round_:
                state = settings.tell(state, batch, outcomes)
                fresh = [outcome for outcome in outcomes if outcome.final and outcome.key in todo.todo]
                green += sum(answered_by[outcome.key] for outcome in fresh if outcome.ok)
                count = sum(answered_by[outcome.key] for outcome in fresh)
                answers += count
                waiting |= {outcome.key for outcome in outcomes if not outcome.final}
                waiting -= {outcome.key for outcome in fresh}
                notes = [f"{green / max(answers, 1):.0%} green"]
                notes += [f"{len(waiting)} to try again"] if waiting else []
                tell(count)
                if stopping is not None and (stopped := stopping.after(outcomes, following)):
                    round_.close()  # batches that nobody has begun are not begun
                    break
    compact_if_worth(place)
    _warn_of_float32(place, planned, run, settings)
    return Results(place, run, planned.study, stopped)


def _placed(plan: Plan, store: Store, runner: Executor, run: str, again: frozenset[Reason], progress: Progress) -> Plan:
    """The plan with where it will run, outside this process; machines are started where something is left to do.

    Raises StoreError for a store in memory.
    """
    if isinstance(store, MemoryStore):
        raise StoreError(
            Problem(
                "the store is in the memory of this process, where no other process reaches it.",
                "a folder or an address that all machines reach",
                "name one: run(..., store='runs/radon'), or store='s3://bucket/radon'",
            )
        )
    if not plan.without(earlier(store, run, again).done).to_run:
        return plan
    runner.start(progress)
    return dataclasses.replace(plan, machines=runner.machines)


def _decided(store: Store, plan: Plan, engine: Any, run: str, progress: Progress) -> Plan:
    """The plan with what a clock decides: which engines take its universes, and how many make a batch."""
    return sized(store, routed(store, plan, engine, run, progress), engine, run, progress)


def _limited(plan: Plan, seconds: float | None) -> Plan:
    """The plan with a time limit a universe, if there is one."""
    if seconds is None:
        return plan
    if not seconds > 0:
        raise PlanError(
            Problem(f"time_limit={seconds!r} is no time.", "seconds, more than 0", "time_limit=60 (--time-limit 60)")
        )
    return dataclasses.replace(plan, wanted=dataclasses.replace(plan.wanted, time_limit=float(seconds)))


def _warn_of_float32(store: Store, plan: Plan, run: str, engine: Any) -> None:
    own = getattr(engine, "dtype", "float32")
    dtypes = {one.name: getattr(one, "dtype", own) for one in getattr(engine, "engines", ())}  # where it asks others
    if "float32" not in (dtypes.values() or [own]):
        return
    columns = ["key", "run", "engine", f"{DIAGNOSTIC}log_density_mean"]
    rows = scan_rows(store, columns)  # once: a second scan may have other rows, or another order
    listed = zip(*(rows[name].to_pylist() for name in columns), strict=True)
    large = {
        key for key, its, by, value in listed if its == run and dtypes.get(by, own) == "float32" and _too_large(value)
    }
    if count := len(large & plan.universes.keys()):
        warnings.warn(
            f"the log joint of {count} of {len(plan)} universes is beyond {FLOAT32_LOG_JOINT_MAX:,.0f} nats, where "
            f"float32 rounds it by {FLOAT32_LOG_JOINT_MAX * FLOAT32_ROUNDING:.2g} nats and more: their draws may be "
            "biased. Sample them in float64, as in run(..., engine=NUTS(dtype='float64'), run='float64').",
            stacklevel=4,  # of who called `run`
        )


def _too_large(log_joint: float | None) -> bool:
    return log_joint is not None and FLOAT32_LOG_JOINT_MAX < abs(log_joint) < math.inf


def _round(
    batches: Sequence[Batch], published: frozenset[str], work: SweepWork, executor: Executor
) -> Generator[tuple[Batch, tuple[Outcome, ...]], None, None]:
    """One round: batches whose part exists are told from the store, the others are fitted."""
    for batch in batches:
        if batch.id in published:
            yield batch, work.recall(batch)
    yield from executor.map(work, [batch for batch in batches if batch.id not in published])


def _chosen(value: Any, known: Mapping[str, type[Any]], what: str) -> Any:
    if not isinstance(value, str):
        return value
    if value in known:
        return known[value]()
    raise PlanError(
        Problem(
            f"there is no {what} {value!r}.",
            f"one of {', '.join(known)}, or a value with settings",
            f"{near_miss(value, known)}Write {what}={next(iter(known))!r}",
        )
    )


def _known(plan: Plan, keep: str | Iterable[str]) -> str | frozenset[str]:
    """`keep`, checked: every site it names is there in some program."""
    if keep in ("estimands", "all"):
        return str(keep)
    names = frozenset([keep] if isinstance(keep, str) else keep)
    sites = {n for p in plan.programs for n in (*(s.name for s in p.sites.latents), *p.sites.deterministic)}
    if unknown := sorted(names - sites):
        raise PlanError(
            Problem(
                f"keep names {unknown[0]!r}, which is not a site of the model.",
                f"'estimands', 'all', or sites: {', '.join(sorted(sites))}",
                f"{near_miss(unknown[0], sites)}Name a latent or deterministic site",
            )
        )
    return names
