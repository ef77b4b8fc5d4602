"""Decisions bind by name to keyword-only arguments, as pytest fixtures do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from multiverse.errors import Problem, near_miss
from multiverse.planning.reparam import is_reparam, reparam_mistakes
from multiverse.space.counted import counted
from multiverse.space.decision import Decision
from multiverse.study import Study

SIMULATE: Final = ("key", "parameters", "data")  # what a simulator is given, in order
WHO: Final = {"model": "the model", "estimate": "the function", "simulate": "the simulator", "prior": "the prior"}
PART: Final = {"model": "analysis", "estimate": "analysis", "simulate": "simulate", "prior": "prior"}
RNG = "rng"  # the keyword by which an `estimate` function asks for a generator of random numbers


@dataclass(frozen=True)
class Binding:
    """Who takes which decisions.

    steps: for each preprocessing step, the decisions it takes. analysis: those that the model, the `estimate` function,
    or `prior` and `simulate` take by name. estimands: by estimand, the decisions its function takes. reparam:
    parameterization decisions whose options are NumPyro reparameterizers by site; they are applied to the model, not
    given to it.
    rng: whether an `estimate` function takes a generator of random numbers. unbound: who cannot be called, since a
    keyword of theirs is no decision: `prepare`, `analysis`, or estimands by name.
    """

    steps: tuple[tuple[str, ...], ...]
    analysis: tuple[str, ...]
    estimands: Mapping[str, tuple[str, ...]]
    reparam: tuple[str, ...]
    rng: bool = False
    unbound: frozenset[str] = frozenset()

    @property
    def prepare(self) -> frozenset[str]:
        """All decisions that preprocessing takes."""
        return frozenset(name for step in self.steps for name in step)


class _Taker(NamedTuple):
    """A function that takes decisions: how messages call it, and its part in the study."""

    who: str
    part: str  # "prepare", "analysis", "prior", "simulate", or the name of an estimand
    function: Callable[..., Any]


def called(function: Any) -> str:
    """The name of a function, for messages."""
    return getattr(function, "__name__", None) or type(function).__name__


def a(value: object) -> str:
    """The type of a value, with its article: `a str`, `an int`."""
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def keywords(function: Callable[..., Any]) -> dict[str, bool]:
    """The keyword-only arguments of a function, in order, and whether each has a default."""
    return {p.name: p.default is not p.empty for p in _parameters(function) if p.kind is p.KEYWORD_ONLY}


def takes_rng(function: Callable[..., Any]) -> bool:
    """Whether a function asks for a generator of random numbers."""
    return RNG in keywords(function)


def positionals(function: Callable[..., Any]) -> list[str]:
    """The positional arguments of a function."""
    return [p.name for p in _parameters(function) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # some builtins, such as `dict`, do not tell
        return []


def bind(study: Study) -> tuple[Binding, list[Problem]]:
    """Bind the decisions of a study, and say which names do not fit."""
    decisions = study.space.decisions
    estimands = {name: e for name, e in study.questions.items() if callable(e)}
    rng = study.is_function and takes_rng(study.analysis) and RNG not in decisions
    takers = [
        *(_Taker(_named("the preprocessing step", step, "prepare"), "prepare", step) for step in study.steps),
        *(_Taker(_named(WHO[part], f, part), PART[part], f) for part, f in study.functions.items()),
        *(_Taker(f"the estimand {name!r}", name, function) for name, function in estimands.items()),
    ]
    everyone = {name for taker in takers for name in keywords(taker.function)}
    missing = [
        (taker, name)
        for taker in takers
        for name, has_default in keywords(taker.function).items()
        if name not in decisions and not has_default and not (rng and taker.part == "analysis" and name == RNG)
    ]
    wrong_reparams = {name: reparam_mistakes(name, d) for name, d in decisions.items() if name not in everyone}
    analysis = [taker for taker in takers if taker.part in ("prepare", *PART.values())]
    mistaken = {taker: _mistaken_arguments(taker, decisions) for taker in analysis}
    binding = Binding(
        steps=tuple(_taken(step, decisions) for step in study.steps),
        analysis=tuple(dict.fromkeys(name for f in study.functions.values() for name in _taken(f, decisions))),
        estimands={name: _taken(function, decisions) for name, function in estimands.items()},
        reparam=tuple(
            name for name, d in decisions.items() if name not in everyone and is_reparam(d) and study.model is not None
        ),
        rng=rng,
        unbound=frozenset(
            "analysis" if taker.part in PART.values() else taker.part
            for taker in (*(taker for taker, _ in missing), *(taker for taker, found in mistaken.items() if found))
        ),
    )
    told = {name for taker in takers for name in positionals(taker.function)}  # by _mistaken_arguments
    unused = [
        name
        for name in decisions
        if name not in everyone | told and name not in binding.reparam and not wrong_reparams[name]
    ]
    problems = [
        *(p for found in mistaken.values() for p in found),
        *(p for found in wrong_reparams.values() for p in found),
        *_missing(missing, unused, decisions),
        *(_unused(name, study, analysis, everyone - decisions.keys()) for name in unused),
        *_estimand_only(binding, decisions),
    ]
    return binding, problems


def _named(what: str, function: Callable[..., Any], usual: str) -> str:
    """A function as messages call it: a model that is called `model` need not be called a model."""
    name = called(function)
    return f"{name}()" if name == usual else f"{what} {name}()"


def _taken(function: Callable[..., Any], decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    return tuple(name for name in keywords(function) if name in decisions)


def _mistaken_arguments(taker: _Taker, decisions: Mapping[str, Decision]) -> list[Problem]:
    """Decisions that are positional arguments, and functions of no or several data."""
    names = positionals(taker.function)
    if taker.part in ("prior", "simulate"):
        return _of_simulation(taker, names, decisions)
    if len(names) == 1 or not (names or keywords(taker.function)):  # or a builtin that does not tell, or `*args`
        return []
    data = "raw" if taker.part == "prepare" else "data"
    first = next((name for name in names if name not in decisions), data)
    rest = [*(name for name in names if name != first), *keywords(taker.function)]
    return [
        Problem(
            f"{taker.who} takes {len(names)} positional arguments: {', '.join(names) or 'none'}.",
            f"one, the {'raw' if data == 'raw' else 'prepared'} data; decisions stand after a `*`",
            f"write `def {called(taker.function)}({', '.join([first, '*', *rest])}): ...`",
        )
    ]


def _of_simulation(taker: _Taker, names: list[str], decisions: Mapping[str, Decision]) -> list[Problem]:
    """A simulator takes its key, its parameters and perhaps the data; a prior nothing that is no decision."""
    own = [name for name in names if name not in decisions]
    swapped = [name for name in names if name in decisions]
    wants = SIMULATE if taker.part == "simulate" else ()
    if len(names) == len(own) and len(own) in ((len(wants) - 1, len(wants)) if wants else (0,)):
        return []
    taken = [*wants, "*", *swapped, *keywords(taker.function)]
    body = "..." if wants else 'return {"rate": dist.LogNormal(0, 1)}'
    return [
        Problem(
            f"{taker.who} takes {counted(len(names), 'positional argument')}: {', '.join(names) or 'none'}.",
            f"{', '.join(wants)}, of which the last may be left out; decisions stand after a `*`"
            if wants
            else "decisions alone, after a `*`",
            f"write `def {called(taker.function)}({', '.join(taken if taken[-1] != '*' else taken[:-1])}): {body}`",
        )
    ]


def _missing(
    missing: Iterable[tuple[_Taker, str]], unused: list[str], decisions: Mapping[str, Decision]
) -> Iterable[Problem]:
    for taker, name in missing:
        if any(near_miss(str(other), [name]) for other in unused):
            continue  # told once, as the misspelt decision
        yield Problem(
            f"{taker.who} takes {name!r}, which the space does not name.",
            f"a decision for each keyword without a default; decisions: {', '.join(map(str, decisions)) or 'none'}",
            f"{near_miss(name, map(str, decisions))}"
            f"Add `{name}=mv.prior(...)` to the space, or give the argument a default",
        )


def _unused(name: str, study: Study, analysis: list[_Taker], free: set[str]) -> Problem:
    who = [f"{called(taker.function)}()" for taker in analysis]
    nobody = f"neither {' nor '.join(who)} has" if len(who) > 1 else f"{who[0]} does not have"
    near = near_miss(str(name), free)
    given = ", ".join(SIMULATE) if study.only_simulates else "data"
    told = (f"{called(t.function)}() takes {', '.join(keywords(t.function)) or 'no decisions'}" for t in analysis)
    return Problem(
        f"the space names {name!r}, but {nobody} such a keyword.",
        "; ".join(told),
        f"{near}Rename the decision{'' if near else ', leave it out'}, "
        f"or write `{_declared(called(study.analysis), given, name)}`",
    )


def _declared(who: str, given: str, name: str) -> str:
    """How a function that takes this decision begins."""
    return f"lambda {given}, *, {name}: ..." if who == "<lambda>" else f"def {who}({given}, *, {name}, ...)"


def _estimand_only(binding: Binding, decisions: Mapping[str, Decision]) -> Iterable[Problem]:
    analysis = {*binding.prepare, *binding.analysis, *binding.reparam}
    for name in decisions:
        takers = [estimand for estimand, takes in binding.estimands.items() if name in takes]
        if takers and name not in analysis:
            yield Problem(
                f"the decision {name!r} is taken by the estimand {takers[0]!r} only.",
                "a decision that prepare or the model takes: an estimand is the same quantity in all universes",
                f"let prepare or the model take {name!r}, or declare an estimand for each of its options",
            )
