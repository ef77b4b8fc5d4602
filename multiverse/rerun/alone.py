"""The plan that answers some universes of a run again: of one universe alone where that is the same program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from multiverse.engines.engine import Engine
from multiverse.errors import PlanError, Problem, ResultError, SpaceError
from multiverse.identity.keys import StudyIdentity
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.progress import Progress, no_progress
from multiverse.rerun.again import WHOLE, batches_again
from multiverse.rerun.answers import Answer
from multiverse.rerun.recorded_design import recorded_design
from multiverse.space.space import Space
from multiverse.store.contract import Store
from multiverse.store.plan_table import PlannedUniverse, PlanRecord
from multiverse.study import Study


def plan_alone(
    study: Study,
    universe: PlannedUniverse,
    answer: Answer,
    engine: Engine[Any],
    keep: Any,
    refuse: Callable[[StudyIdentity], None],
    progress: Progress,
    recorded: PlanRecord,
    store: Store,
) -> Plan:
    """A plan with this universe in it, in the program that answered it if it is still there.

    Planning this universe alone takes seconds, and gives the same program unless its company mattered; else all that
    was recorded is planned again. refuse: raises where a study with this identity is not the one that the store belongs
    to. Raises ResultError where the study does not have the universe any more.
    """
    # what was answered from other universes needs them in the plan
    hangs = answer.reads or answer.purpose in WHOLE
    if not hangs and (space := space_of(study.space, universe.labels)) is not None:
        try:
            small = plan(replace(study, space=space), progress=no_progress).keeping(keep)
        except PlanError:
            pass  # what is wrong is better told of the study as it was written
        else:
            refuse(small.identity)
            programs = {batch.program.id for batch in batches_again(engine, small, {universe.key: answer}, store)}
            if universe.key in small.universes and answer.program in programs:
                return small
    whole = plan(study, design=recorded_design(recorded, study.space), progress=progress).keeping(keep)
    refuse(whole.identity)
    if universe.key not in whole.universes:
        raise ResultError(gone(whole, universe))
    return whole


def space_of(space: Space, labels: Mapping[str, str | None]) -> Space | None:
    """The space that holds one universe alone, with the same values; None if it lacks a decision or a label of it."""
    if set(space.decisions) != set(labels):
        return None
    try:
        return space.alone(labels)
    except SpaceError:  # an option of it is gone
        return None


def gone(now: Plan, universe: PlannedUniverse) -> Problem:
    """Why a universe that was answered is not in the study any more."""
    decisions = now.study.space.decisions
    told = [f"it has no decision {name!r} any more" for name in universe.labels if name not in decisions]
    told += [f"the decision {name!r} is new" for name in decisions if name not in universe.labels]
    told += [
        f"{label!r} is no option of {name!r} any more"
        for name, label in universe.labels.items()
        if label is not None and name in decisions and label not in decisions[name].labels
    ]
    active = ", ".join(f"{name}={label!r}" for name, label in universe.labels.items() if label is not None)
    return Problem(
        f"the universe {universe.key} ({active}) is not in the study: "
        f"{'; '.join(told) or 'one of these options has another value now, or a rule excludes it'}.",
        "the options with which it was answered",
        "undo the change, or pass the study as it was: results.rerun(key, study)",
    )
