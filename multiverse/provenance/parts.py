"""What a study is made of: everything in it that can be called, by the part that it plays."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any

from multiverse.identity.fingerprint import describe
from multiverse.identity.installed import is_installed_function
from multiverse.study import Study


def parts_of(study: Study) -> Iterator[tuple[str, Any]]:
    """(part, callable) of all that can be called, and (part, words) of what is data: sites, priors, links, rules."""
    if callable(study.data):
        yield "data", study.data
    numbered = len(study.steps) > 1
    for number, step in enumerate(study.steps, 1):
        yield f"prepare {number}" if numbered else "prepare", step
    yield from study.functions.items()
    if isinstance(study.prior, Mapping):
        yield from ((f"prior {name}", describe(fn)) for name, fn in study.prior.items())
    for name, ask in study.questions.items():
        yield f"estimand {name}", ask
    for number, rule in enumerate(study.space.rules, 1):
        yield f"rule {number}", _asked(rule.rule)
    for number, names in enumerate(study.space.links, 1):
        yield f"link {number}", " and ".join(names)
    for name, decision in study.space.decisions.items():
        for option in decision.options:
            if written(option.value) is not None:
                yield f"option {name} = {option.label}", option.value
            for word, asked in (("requires", option.requires), ("incompatible with", option.incompatible_with)):
                if asked:
                    yield f"option {name} = {option.label} {word}", _asked(asked)


def _asked(rule: Any) -> Any:
    """A rule that is a function; one that is data in words."""
    return str(rule) if isinstance(rule, Mapping) else rule


def written(value: Any) -> FunctionType | None:
    """The function that a person wrote behind a callable, if there is one."""
    while isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, MethodType):
        value = value.__func__
    if not isinstance(value, FunctionType | type) and callable(value):
        value = getattr(value, "__wrapped__", None) or vars(type(value)).get("__call__")
    return value if isinstance(value, FunctionType) and not is_installed_function(value) else None


def functions_of(study: Study) -> list[FunctionType]:
    """The functions of a study that a person wrote."""
    return [function for _, value in parts_of(study) if (function := written(value)) is not None]
