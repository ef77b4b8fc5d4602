"""`mv.calibrate`: data sets simulated from the model over the space, answered, and compared with their truths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multiverse.calibrating.answer import Source, tabulated
from multiverse.calibrating.calibration import Calibration
from multiverse.calibrating.engine_source import engine_source
from multiverse.engines.by_name import ENGINES, check_engine, usual_engine
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.planning.build import plan as make_plan
from multiverse.planning.plan import Plan
from multiverse.planning.simulated_plan import simulated_plan
from multiverse.progress import Progress, bar
from multiverse.store.contract import Store
from multiverse.study import Study

SIMULATIONS = 300  # an sd 20 % too small then leaves one of two bands in 9 of 10 checks: test_sbc.py computes it


def calibrate(
    plan: Plan | Study,
    *,
    engine: Any = None,
    simulations: int = SIMULATIONS,
    universes: int | None = None,
    seed: int = 0,
    store: str | Path | Store | None = None,
    source: Source | None = None,
    progress: Progress = bar,
) -> Calibration:
    """Simulate data sets from the universes of a plan, answer them, and say where each truth lies in its posterior.

    The value that comes back makes every check of the same simulations: `.sbc()`, `.coverage()`, `.recovery()`.
    plan: of `multiverse.plan`, or a study, which is planned first. engine: a name or a value with settings, by default
    the one that `run` would take. simulations: data sets in all, spread evenly over universes. universes: how many
    universes at most, a random sample with the reference universe; None for all. seed: other truths and data; that of
    the engine is its own. store: a folder or store of its own to keep answers in, so that it can be stopped and go on;
    None: in memory. source: what answers in place of an engine (`calibrating.answer.Source`).

    A data set whose answer fails the gate is counted and told, and left out of verdicts. Raises PlanError where nothing
    can be simulated (an `estimate` function has no prior), StoreError for a store that holds something else.
    """
    planned = plan if isinstance(plan, Plan) else make_plan(plan, progress=progress)
    if source is None:
        chosen = _engine(usual_engine(planned.study) if engine is None else engine)
        check_engine(planned.study, chosen)
        source = engine_source(chosen, store)
    simulated = simulated_plan(planned, simulations=simulations, universes=universes, seed=seed, progress=progress)
    return Calibration(tabulated(simulated, source(simulated, progress), seed=seed), planned.study.name)


def _engine(engine: Any) -> Any:
    """The engine itself, before the time that simulating takes."""
    if not isinstance(engine, str):
        return engine
    if engine in ENGINES:
        return ENGINES[engine]()
    mend = f"{near_miss(engine, ENGINES)}Write engine={next(iter(ENGINES))!r}"
    raise PlanError(Problem(f"there is no engine {engine!r}.", f"one of {', '.join(ENGINES)}", mend))
