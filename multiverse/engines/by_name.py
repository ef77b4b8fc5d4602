"""Engines by the name that people write, and an engine made again from the settings that a run recorded."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.auto.engine import Auto
from multiverse.engines.functions.engine import Function
from multiverse.engines.laplace.engine import Laplace
from multiverse.engines.nested.engine import NestedLaplace
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.one_shot import asked_once
from multiverse.engines.reweight.engine import Reweight
from multiverse.engines.warm_nuts.engine import WarmNUTS
from multiverse.errors import PlanError, Problem, StoreError
from multiverse.study import Study

ENGINES: Final[Mapping[str, type[Any]]] = {
    Auto.name: Auto,
    Laplace.name: Laplace,
    NestedLaplace.name: NestedLaplace,
    Reweight.name: Reweight,
    Amortized.name: Amortized,
    WarmNUTS.name: WarmNUTS,
    NUTS.name: NUTS,
    Function.name: Function,
}


USUAL: Final[Mapping[str, str]] = {"model": Auto.name, "estimate": Function.name, "simulate": Amortized.name}
MODELS: Final = ("model",)  # what an engine runs that does not say what it takes


def usual_engine(study: Study) -> str:
    """The name of the engine for a study that asks for none."""
    return USUAL[study.kind]


def check_engine(study: Study, engine: Any) -> None:
    """Raise PlanError where an engine cannot run what the study has: a model, a function, or a simulator alone."""
    if study.kind in getattr(engine, "takes", MODELS):
        return
    usual = usual_engine(study)
    if study.only_simulates:
        why = f"the engine {engine.name!r} needs a density, and the study {study.name!r} has none: it only simulates."
        expected = f"the engine {usual!r}, which learns from simulations"
    else:
        what = "an `estimate` function" if study.is_function else "a NumPyro model"
        why = f"the engine {engine.name!r} cannot run {what}, which the study {study.name!r} has."
        expected = f"the engine {usual!r}"
    raise PlanError(Problem(why, expected, f"leave the engine out, or write engine={usual!r}"))


def made_again(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    """The engine, or any frozen dataclass, with these settings, which may have been to JSON and back.

    settings: by name; those of a dataclass within have dotted names (`gate.rhat_max`) or are a mapping, and tuples may
    have become lists. Settings that were not recorded keep their default.
    Raises StoreError for a setting that the dataclass does not have.
    """
    nested = _nested(settings)
    hints = get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind) if field.init]
    if strangers := [name for name in nested if name not in known]:
        raise StoreError(
            Problem(
                f"the recorded settings of {kind.__name__} name {', '.join(map(repr, strangers))}.",
                f"settings that this version has: {', '.join(known)}",
                "use the version of multiverse that made the run: `select value from manifest where name = "
                "'multiverse'` tells it",
            )
        )
    return kind(**{name: _value(hints[name], value) for name, value in nested.items()})


def is_one_shot(settings: Mapping[str, Any]) -> bool:
    """Whether what a run has finished is a random sample, by its recorded settings: those of its engine, and `engine`.

    False for an engine that is not one of ours, and where this version does not know the settings.
    """
    own = {name: value for name, value in settings.items() if name not in ("engine", "keep")}
    kind = ENGINES.get(str(settings.get("engine", "")))
    try:
        return kind is not None and asked_once(made_again(kind, own))
    except (StoreError, PlanError):
        return False


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`{"gate.rhat_max": 1.01}` as `{"gate": {"rhat_max": 1.01}}`."""
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        first, dot, rest = name.partition(".")
        if dot:
            nested.setdefault(first, {})[rest] = value
        else:
            nested[first] = value
    return nested


def _value(hint: Any, value: Any) -> Any:
    """The value as its type says: dataclasses and tuples come back from JSON as mappings and lists."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        fits = [of for of in inside if _takes(of, value)]
        return _value(fits[0], value) if fits else value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return made_again(hint, value)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [inside[0]] * len(value) if len(inside) == 2 and inside[1] is Ellipsis else list(inside)
        return tuple(_value(kind, one) for kind, one in zip(kinds, value, strict=True))
    return value


def _takes(hint: Any, value: Any) -> bool:
    if isinstance(value, Mapping):
        return dataclasses.is_dataclass(hint)
    return isinstance(value, list | tuple) and get_origin(hint) is tuple
