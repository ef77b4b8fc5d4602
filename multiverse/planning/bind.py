"""Decisions bind by name to keyword-only arguments, as pytest fixtures do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from multiverse.errors import Problem, near_miss
from multiverse.space.decision import Decision
from multiverse.study import Study


@dataclass(frozen=True)
class Binding:
    """Who takes which decisions.

    steps: for each preprocessing step, the decisions it takes. model: those the model takes by name. estimands: by
    estimand, the decisions its function takes. reparam: parameterization decisions whose options are NumPyro
    reparameterizers by site; they are applied to the model, not given to it.
    """

    steps: tuple[tuple[str, ...], ...]
    model: tuple[str, ...]
    estimands: Mapping[str, tuple[str, ...]]
    reparam: tuple[str, ...]

    @property
    def prepare(self) -> frozenset[str]:
        """All decisions that preprocessing takes."""
        return frozenset(name for step in self.steps for name in step)


def called(function: Callable[..., Any]) -> str:
    """The name of a function, for messages."""
    return getattr(function, "__name__", None) or type(function).__name__


def keywords(function: Callable[..., Any]) -> dict[str, bool]:
    """The keyword-only arguments of a function, in order, and whether each has a default."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY}


def positionals(function: Callable[..., Any]) -> int:
    """How many positional arguments a function takes."""
    parameters = inspect.signature(function).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def is_reparam(decision: Decision) -> bool:
    """True when every option is a mapping of site names to NumPyro reparameterizers (an empty mapping: none)."""
    from numpyro.infer.reparam import Reparam

    values = [option.value for option in decision.options]
    return all(isinstance(v, Mapping) and all(isinstance(r, Reparam) for r in v.values()) for v in values)


def bind(study: Study) -> tuple[Binding, list[Problem]]:
    """Bind the decisions of a study, and say which names do not fit."""
    decisions = study.space.decisions
    estimands = {name: e for name, e in study.estimands.items() if callable(e)}
    takers: list[tuple[str, Callable[..., Any]]] = [
        *((f"prepare step {called(step)}()", step) for step in study.steps),
        (f"the model {called(study.model)}()", study.model),
        *((f"the estimand {name!r}", function) for name, function in estimands.items()),
    ]
    wanted = {who: keywords(function) for who, function in takers}
    everyone = {name for names in wanted.values() for name in names}
    reparam = tuple(name for name, d in decisions.items() if name not in everyone and is_reparam(d))
    binding = Binding(
        steps=tuple(_taken(keywords(step), decisions) for step in study.steps),
        model=_taken(keywords(study.model), decisions),
        estimands={name: _taken(keywords(function), decisions) for name, function in estimands.items()},
        reparam=reparam,
    )
    analysis = {name for who, names in wanted.items() if not who.startswith("the estimand") for name in names}
    problems = [*_missing(wanted, decisions), *_unused(decisions, everyone, analysis, reparam, study)]
    return binding, problems


def _taken(names: Mapping[str, bool], decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    return tuple(name for name in names if name in decisions)


def _missing(wanted: Mapping[str, Mapping[str, bool]], decisions: Mapping[str, Decision]) -> Iterable[Problem]:
    for who, names in wanted.items():
        for name, has_default in names.items():
            if name not in decisions and not has_default:
                yield Problem(
                    f"{who} takes {name!r}, which the space does not name.",
                    f"a decision for each keyword without a default; decisions: {', '.join(decisions) or 'none'}",
                    f"{near_miss(name, decisions)}Add {name}=... to the space, or give the argument a default",
                )


def _unused(
    decisions: Mapping[str, Decision], everyone: set[str], analysis: set[str], reparam: tuple[str, ...], study: Study
) -> Iterable[Problem]:
    for name in decisions:
        if name in analysis or name in reparam:
            continue
        if name in everyone:
            yield Problem(
                f"the decision {name!r} is taken by an estimand only.",
                "a decision that `prepare` or the model takes: an estimand is the same quantity in all universes",
                f"let prepare or the model take {name!r}, or declare two estimands",
            )
            continue
        yield Problem(
            f"the space names {name!r}, but neither prepare nor the model {called(study.model)}() has such a keyword.",
            f"one of the keywords: {', '.join(sorted(everyone)) or 'none (put a * before keyword-only arguments)'}",
            f"{near_miss(name, everyone)}Rename the decision, or write `def {called(study.model)}(data, *, {name}, ...)`",
        )
