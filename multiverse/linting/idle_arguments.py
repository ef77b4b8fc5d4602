"""Arguments that a function takes and that do nothing there, of decisions that do something elsewhere.

A decision that `prepare` and the model both take may have an effect in one of them only. Then a reader of the other
believes in a choice that is none. Decisions without any effect are told as duplicates, not here.
"""

from __future__ import annotations

from collections.abc import Iterator

from multiverse.linting.answers import answers, data_of
from multiverse.linting.dependence import dependence
from multiverse.linting.finding import Finding, finding
from multiverse.linting.reads import reads
from multiverse.linting.repeats import without_effect
from multiverse.planning.bind import Binding, bind, called, keywords
from multiverse.planning.plan import Plan

NAME = "argument without effect"


def idle_arguments(plan: Plan) -> Iterator[Finding]:
    """Arguments of a preprocessing step, of the model or of the function that change nothing there."""
    binding = bind(plan.study)[0]
    shared = [name for name in plan.study.space.decisions if _takers(binding, name) > 1]
    if not shared:
        return
    nowhere = without_effect(plan.universes, answers(plan))
    data = data_of(plan)
    idle_data = without_effect(plan.universes, data) - nowhere
    for name in shared:
        if name in nowhere:
            continue
        for step, takes in zip(plan.study.steps, binding.steps, strict=True):
            if name in takes and (name in idle_data or not reads(step, name)):
                yield _found(plan, called(step), name, "the prepared data are equal for all its options")
        if name in binding.analysis and not _reaches(plan, name):
            what = "its log joint" if plan.study.model is not None else "what it returns"
            yield _found(plan, _taker(plan, name), name, f"{what} does not depend on it")


def _taker(plan: Plan, name: str) -> str:
    """The function of the analysis that takes a decision."""
    return called(next(f for f in plan.study.functions.values() if name in keywords(f)))


def _takers(binding: Binding, name: str) -> int:
    return sum(name in takes for takes in (*binding.steps, binding.analysis))


def _reaches(plan: Plan, name: str) -> bool:
    """Whether the answer of some program depends on an option of this decision that the analysis takes."""
    if not any(reads(function, name) for function in plan.study.functions.values() if name in keywords(function)):
        return False
    for program in plan.programs:
        paths = {path for (n, _), leaves in program.choices.items() if n == name for path in leaves}
        # Options without leaves pick the program: whether they matter there cannot be told by what it depends on.
        if program.kind == "plain" or not paths or paths & set(dependence(program, plan.wanted).live):
            return True
    return False


def _found(plan: Plan, function: str, name: str, why: str) -> Finding:
    keys = [key for key, universe in plan.universes.items() if universe[name] is not None]
    return finding(
        plan,
        NAME,
        f"{function}() takes {name!r}, which changes nothing there: {why}.",
        keys,
        f"take {name!r} out of the arguments of {function}(), or let it have an effect there",
        show=[name],
    )
