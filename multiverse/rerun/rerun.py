"""One universe of a run, alone and with everything shown; and whether it gives the draws that the store holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiverse.engines.engine import settings_of
from multiverse.engines.outcome import DrawsName, Outcome
from multiverse.errors import Problem, ResultError
from multiverse.identity.keys import rng_words
from multiverse.planning.plan import Plan
from multiverse.progress import Progress, bar
from multiverse.rerun.again import alike, answer_again, who_answered
from multiverse.rerun.alone import gone, plan_alone
from multiverse.rerun.answers import read_answers, with_draws
from multiverse.rerun.compare import Comparison, compare
from multiverse.rerun.data_card import ArrayCard, data_card, value_text
from multiverse.rerun.environment import differences_here, record_at
from multiverse.rerun.source import engine_of, refuse_another, study_of
from multiverse.store.contract import Store
from multiverse.store.plan_table import PlannedUniverse, PlanRecord, decode_plan
from multiverse.store.records import latest, read_runs
from multiverse.study import Study

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class Setup:
    """How a universe was answered again.

    study: where it came from, in words. program, why: the id of the compiled program, and the options that make it.
    settings: of the engine. block: universes that the program holds. words: the random words of the universe; None for
    an engine without a seed.
    """

    study: str
    engine: str
    program: str
    why: str
    settings: Mapping[str, Any]
    block: int | None
    words: tuple[int, int] | None


@dataclass(frozen=True, repr=False, eq=False)
class Rerun:
    """A universe that was answered once more. It shows itself: options, data, program, outcome, and what differs.

    run: the run of the store. universe, plan: what was planned, with labels and reasons. values: of the options, in
    words. data: a card for each array that was prepared. setup: program, settings, random words. stored: the outcome
    in the store; outcome: the one of now; comparison: of the two. elsewhere: what differs in versions and hardware
    from the call that answered it; bits are promised only where this is empty. same_as: the key of the exact duplicate
    whose answer it shares; None where it was run itself.
    """

    run: str
    plan: PlanRecord
    universe: PlannedUniverse
    values: Mapping[str, str]
    data: tuple[ArrayCard, ...]
    setup: Setup
    stored: Outcome
    outcome: Outcome
    comparison: Comparison
    elsewhere: tuple[str, ...]
    same_as: str | None = None

    @property
    def key(self) -> str:
        """The universe."""
        return self.universe.key

    @property
    def same(self) -> bool:
        """Whether draws, estimates, diagnostics and verdict are those of the store, to the last bit."""
        return self.comparison.same

    @cached_property
    def difference(self) -> pd.DataFrame:
        """Every estimate, stored and now: quantity, statistic, stored, now, error, and their distance in errors.

        error: the Monte Carlo standard error of the difference, in the unit of the estimate; NaN where draws are the
        same, or where there are none. Means of kept sites follow where the draws are not the same.
        """
        import pandas as pd

        rows = [(*difference, difference.distance) for difference in self.comparison.differences]
        return pd.DataFrame(rows, columns=["quantity", "statistic", "stored", "now", "error", "distance"])

    @cached_property
    def draws(self) -> xr.Dataset:
        """The draws of now: estimands and sites, dims (chain, draw, *site dims), `log_prior` and `log_likelihood`.

        An estimand hides a site of its name. Empty where nothing could be drawn.
        """
        import xarray as xr

        variables: dict[str, Any] = {}
        named = [(DrawsName.parse(name), values) for name, values in self.outcome.draws.items()]
        for (_, name), values in sorted(named, key=lambda item: item[0].kind == "estimand"):  # estimands last
            site = [f"{name}_dim_{axis}" for axis in range(values.ndim - 2)]
            variables[name] = (["chain", "draw", *site], values)
        return xr.Dataset(variables)

    def __repr__(self) -> str:
        from multiverse.rerun.show import rerun_text

        return rerun_text(self)

    def _repr_html_(self) -> str:
        from multiverse.rerun.show import rerun_html

        return rerun_html(self)


def rerun(
    store: Store,
    run: str,
    key: str,
    study: Study | Plan | str | Path | None = None,
    *,
    engine: Any = None,
    keep: Any = "all",
    progress: Progress = bar,
) -> Rerun:
    """Answer one universe of a run again, alone, and compare it with what the store holds. Writes nothing.

    key: the whole key of an answered universe. study: the study, its plan or its file; None: the file that the run
    recorded. engine: the engine itself, where it is not one of ours. keep: which draws come with it, as in `run`.
    A universe that shares the answer of an exact duplicate is answered with its own data and options, and the random
    numbers of that one: the same bits, if they are duplicates.
    Raises ResultError where the universe is not answered, where the study was changed since (and says what), and where
    nothing says where it is; PlanError where it cannot be planned any more.
    """
    records = [record for record in read_runs(store) if record.run == run]
    record = latest(records)[run]
    recorded = decode_plan(store.get("plan", record.plan))
    universe = next(universe for universe in recorded.universes if universe.key == key)
    answer = read_answers(store, run, [key]).get(key)
    if answer is None:
        raise ResultError(
            Problem(
                f"the run {run!r} has not answered the universe {key} yet.",
                "an answered universe: `select key from universes`",
                "give the run's command again, and it is answered",
            )
        )
    declared, whence = study_of(record, study)
    chosen = engine_of(record, engine)
    refuse = partial(refuse_another, store, whence=whence)
    if isinstance(study, Plan):
        plan = study.keeping(keep)
        refuse(plan.identity)
        if key not in plan.universes:
            raise ResultError(gone(plan, universe))
    else:
        plan = plan_alone(declared, universe, answer, chosen, keep, refuse, progress, recorded, store)
    stored = with_draws(store, run, [answer])[key]
    with progress("answering it again", 1, "universes") as advance:
        (((outcome,), batch),) = answer_again(chosen, plan, {key: answer}, store)
        advance()
    call = record_at(records, answer.drawn)
    fitted = who_answered(chosen, answer)
    program = plan.program_of.get(key)
    other = batch is not None and batch.program.id != answer.program
    elsewhere = (*differences_here(call), *(["another program"] if other else []))
    has_seed = batch is not None and hasattr(chosen, "seed")
    return Rerun(
        run=run,
        plan=recorded,
        universe=universe,
        values={name: value_text(value) for name, value in plan.study.space.values(plan.universes[key]).items()},
        data=() if program is None else tuple(data_card(program.data(key))),
        setup=Setup(
            study=whence,
            engine=fitted.name,
            program=batch.program.id if batch else "",
            why=batch.program.why if batch else "",
            settings=settings_of(fitted),
            block=batch.block if batch else None,
            words=rng_words(chosen.seed, answer.ran, outcome.attempt) if has_seed else None,
        ),
        stored=stored,
        outcome=outcome,
        comparison=compare(stored, outcome, alike(answer, plan, call), judged=not answer.rewritten),
        elsewhere=elsewhere,
        same_as=answer.same_as,
    )
