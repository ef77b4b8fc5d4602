"""Parameterization decisions: options that are NumPyro reparameterizers by site, applied to the model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from multiverse.errors import Problem, near_miss
from multiverse.space.decision import Decision


def is_reparam(decision: Decision) -> bool:
    """True when every option is a mapping of site names to NumPyro reparameterizers (an empty mapping: none)."""
    return all(_is_good(option.value) for option in decision.options)


def reparam_mistakes(name: str, decision: Decision) -> list[Problem]:
    """What is wrong with the options of a decision some of which look like reparameterizers; none where all fit."""
    values = [option.value for option in decision.options]
    if all(map(_is_good, values)) or not any(map(_looks_like_one, values)):
        return []
    return [_mistake(name, option.label, option.value) for option in decision.options if not _is_good(option.value)]


def unknown_sites(
    decision: str, option: str, sites: Mapping[str, Any], latents: Iterable[str], elsewhere: Iterable[str]
) -> list[Problem]:
    """Reparameterizers for sites that the model does not sample: NumPyro would ignore them silently.

    sites: reparameterizers by site. latents: sites that these universes sample. elsewhere: those that others sample.
    """
    known, others = list(latents), set(elsewhere)
    return [
        Problem(
            f"the option {option!r} of {decision!r} reparameterizes the site {site!r}, "
            + ("which only other universes sample." if site in others else "which the model does not sample."),
            f"one of the latent sites: {', '.join(known)}",
            f"let the decision apply only there: `space.only_when({decision!r}, lambda ...: ...)`"
            if site in others
            else f"{near_miss(site, known)}Write "
            f"`{option!r}: {{{near(site, known) or next(iter(known), 'a site')!r}: {_call(reparam)}}}`",
        )
        for site, reparam in sites.items()
        if site not in known
    ]


def near(name: str, choices: Iterable[str]) -> str:
    """The choice that is close to the name; empty where none is."""
    return next(iter(difflib.get_close_matches(name, list(choices), n=1)), "")


def _is_good(value: Any) -> bool:
    from numpyro.infer.reparam import Reparam

    return isinstance(value, Mapping) and all(
        isinstance(site, str) and isinstance(reparam, Reparam) for site, reparam in value.items()
    )


def _looks_like_one(value: Any) -> bool:
    return _is_reparameterizer(value) or (
        isinstance(value, Mapping) and any(_is_reparameterizer(v) for v in value.values())
    )


def _is_reparameterizer(value: Any) -> bool:
    from numpyro.infer.reparam import Reparam

    return isinstance(value, Reparam) or (isinstance(value, type) and issubclass(value, Reparam))


def _mistake(decision: str, label: str, value: Any) -> Problem:
    if value is None:
        found, mend = "None", f"write `{label!r}: {{}}`, which reparameterizes nothing"
    elif _is_reparameterizer(value):
        found = f"the reparameterizer {_name(value)} without a site"
        mend = f'write `{label!r}: {{"site": {_call(value)}}}`'
    elif isinstance(value, Mapping):
        site, wrong = next((s, v) for s, v in value.items() if not _is_good({s: v}))
        found = f"{_name(wrong) if _is_reparameterizer(wrong) else repr(wrong)} for the site {site!r}"
        found += ", a class" if isinstance(wrong, type) else ""
        mend = f"write `{label!r}: {{{site!r}: {_call(wrong)}}}`"
    else:
        found, mend = repr(value), f'write `{label!r}: {{"site": LocScaleReparam(0)}}`'
    return Problem(
        f"the option {label!r} of {decision!r} is {found}.",
        "a dict from the names of sites to NumPyro reparameterizers, as the other options have",
        mend,
    )


def _name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _call(value: Any) -> str:
    """How one would write the reparameterizer."""
    name = _name(value) if _is_reparameterizer(value) else "LocScaleReparam"
    return "LocScaleReparam(0)" if name == "LocScaleReparam" else f"{name}()"
