"""`mv.calibrate`: data sets simulated from the model over the space, answered, and compared with their truths."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from multiverse.answering.network import Network
from multiverse.calibrating.answer import Source, tabulated
from multiverse.calibrating.calibration import Calibration
from multiverse.calibrating.engine_source import engine_source
from multiverse.calibrating.network_source import DRAWS, NetworkSource
from multiverse.engines.by_name import ENGINES, check_engine, usual_engine
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.planning.build import plan as make_plan
from multiverse.planning.plan import Plan
from multiverse.planning.simulated_plan import simulated_plan
from multiverse.progress import Progress, bar
from multiverse.store.contract import Store
from multiverse.study import Study

SIMULATIONS: Final = 300  # an sd 20 % too small leaves one of two bands in 9 of 10 checks then: test_sbc.py computes it
OF_A_NETWORK: Final = 3000  # of 10 checks, 9 see an sd 7 % too small


def calibrate(
    plan: Plan | Study | Network,
    *,
    engine: Any = None,
    simulations: int | None = None,
    universes: int | None = None,
    seed: int = 0,
    store: str | Path | Store | None = None,
    source: Source | None = None,
    progress: Progress = bar,
) -> Calibration:
    """Simulate data sets from the universes of a plan, answer them, and say where each truth lies in its posterior.

    The value that comes back makes every check of the same simulations: `.sbc()`, `.coverage()`, `.recovery()`.
    plan: of `multiverse.plan`; a study, which is planned first; or a trained network (`load_network`), which answers
    for the whole of its plan. engine: a name or a value with settings, by default the one that `run` would take.
    simulations: data sets in all, spread evenly over universes; by default 300, and 3,000 of a network, which answers
    them in seconds. universes: how many universes at most, a random sample with the reference universe; None for all.
    seed: other truths and data; that of the engine is its own. store: a folder or store of its own to keep answers in,
    so that it can be stopped and go on; None: in memory. source: what answers in place of an engine
    (`calibrating.answer.Source`).

    A data set whose answer fails the gate is counted and told, and left out of verdicts. Raises PlanError where nothing
    can be simulated (an `estimate` function has no prior), where a study only simulates and no network is given, and
    for an engine or a store beside a network; StoreError for a store that holds something else.
    """
    if isinstance(plan, Network):
        _nothing_else(engine=engine, store=store, source=source)
        source, planned = NetworkSource(plan, min(DRAWS, plan.engine.draws)), plan.plan
    else:
        planned = plan if isinstance(plan, Plan) else make_plan(plan, progress=progress)
    if source is None:
        source = engine_source(_engine(planned.study, engine), store)
    many = (OF_A_NETWORK if isinstance(source, NetworkSource) else SIMULATIONS) if simulations is None else simulations
    began = time.perf_counter()
    simulated = simulated_plan(planned, simulations=many, universes=universes, seed=seed, progress=progress)
    seconds = {"simulating": time.perf_counter() - began}
    if isinstance(source, NetworkSource):
        began = time.perf_counter()
        source.ready(simulated, progress)
        seconds["compiling"] = time.perf_counter() - began
    began = time.perf_counter()
    table = tabulated(simulated, source(simulated, progress), seed=seed)
    return Calibration(table, planned.study.name, seconds | {"answering": time.perf_counter() - began})


def _engine(study: Study, engine: Any) -> Any:
    """The engine itself, before the time that simulating takes."""
    if study.only_simulates:
        what = f"the study {study.name!r} only simulates, so there is no density that an engine could answer it with."
        mend = "mv.calibrate(mv.load_network(STORE)), with the store of a run; `multiverse check sbc STORE`"
        raise PlanError(Problem(what, "a network that a run has trained", mend))
    chosen = usual_engine(study) if engine is None else engine
    if isinstance(chosen, str):
        if chosen not in ENGINES:
            mend = f"{near_miss(chosen, ENGINES)}Write engine={next(iter(ENGINES))!r}"
            raise PlanError(Problem(f"there is no engine {chosen!r}.", f"one of {', '.join(ENGINES)}", mend))
        chosen = ENGINES[chosen]()
    check_engine(study, chosen)
    return chosen


def _nothing_else(**given: Any) -> None:
    """Raise PlanError for what a network has no use for."""
    if names := [name for name, value in given.items() if value is not None]:
        what = f"{' and '.join(f'{name}=' for name in names)} beside a network, which answers by itself."
        mend = f"leave {'it' if len(names) == 1 else 'them'} out, or give the study in place of the network"
        raise PlanError(Problem(what, "a network alone", mend))
