"""An analysis that has a simulator and no density: its prior as a NumPyro model, its data from a random key.

As a model of its prior alone such an analysis goes the way that every model goes while planning: parameters are latent
sites, options are structure or leaves, estimands see draws. The simulation is no model, and stays a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from multiverse.errors import PlanError, Problem
from multiverse.planning.bind import a, called, keywords, positionals
from multiverse.planning.model_trace import is_improper
from multiverse.study import Study

WHOLE: Final = "data"  # what is observed where the prepared data are one array, which has no name of its own
PROPER: Final = 'write one of `numpyro.distributions`, as in `{{"{}": dist.LogNormal(0, 1)}}`'


@dataclass(frozen=True)
class OnlySimulates:
    """A prior and a simulator. Called as a NumPyro model, `(data, **options)`, it samples the prior and nothing else.

    prior, function: `prior` and `simulate` of the study.
    """

    prior: Mapping[str, Any] | Callable[..., Any]
    function: Callable[..., Any]

    def __call__(self, data: Any, **options: Any) -> dict[str, Any]:
        """The parameters by name, each sampled as a site. Raises PlanError where the prior is no prior."""
        import numpyro

        return {name: numpyro.sample(name, fn) for name, fn in self._distributions(options).items()}

    def simulated(
        self, key: Any, parameters: Mapping[str, Any], data: Any, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What `simulate` gives, by name; an array by itself is called `WHOLE`."""
        taken = {name: options[name] for name in keywords(self.function) if name in options}
        given = (key, dict(parameters), data)[: len(positionals(self.function))]
        out = self.function(*given, **taken)
        return dict(out) if isinstance(out, Mapping) else {WHOLE: out}

    def observed(self, data: Any) -> dict[str, Any]:
        """What of the prepared data might be observed, by name: every entry of a dict, or the one array there is."""
        return dict(data) if isinstance(data, Mapping) else {WHOLE: data}

    def _distributions(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        prior = self.prior
        if callable(prior):
            prior = prior(**{name: options[name] for name in keywords(prior) if name in options})
        if problems := list(_mistakes(prior, called(self.prior) if callable(self.prior) else "")):
            raise PlanError(problems)
        return prior


def analysis_of(study: Study) -> Callable[..., Any]:
    """What a program runs of a study: its model, its `estimate` function, or its prior and simulator."""
    if study.only_simulates and study.prior is not None:
        return OnlySimulates(study.prior, study.analysis)
    return study.analysis


def _mistakes(prior: Any, function: str) -> Iterator[Problem]:
    """What is wrong with a prior, all of it. function: the one that gave it; empty where none did."""
    whose = f"{function}() gives" if function else "the prior has"
    if not isinstance(prior, Mapping) or not prior:
        what = "None" if prior is None else f"an empty {type(prior).__name__}" if prior == {} else a(prior)
        how = f"end {function}() with `return " if function else "write `prior="
        mend = f'{how}{{"rate": dist.LogNormal(0, 1)}}`, with a distribution for each parameter'
        yield Problem(f"{whose} {what}.", "a dict from the name of each parameter to a NumPyro distribution", mend)
        return
    for name, fn in prior.items():
        yield from _of_one(whose, name, fn)


def _of_one(whose: str, name: Any, fn: Any) -> Iterator[Problem]:
    from numpyro.distributions import Distribution, biject_to

    proper = PROPER.format(name)
    if not isinstance(name, str):
        yield Problem(f"{whose} a parameter {name!r}, {a(name)}.", "parameters whose names are texts", proper)
    elif not isinstance(fn, Distribution):
        what = f"{fn.__name__}, a class," if isinstance(fn, type) else a(fn)
        yield Problem(f"{whose} {what} for {name!r}.".replace(",.", "."), "a NumPyro distribution", proper)
    elif is_improper(fn):
        yield Problem(
            f"{whose} an improper distribution for {name!r}.",
            "a proper prior: parameters are drawn from it, and data simulated from them",
            f'write a wide proper prior, as in `{{"{name}": dist.Normal(0, 100)}}`',
        )
    elif fn.is_discrete:
        yield Problem(
            f"{whose} a discrete distribution, {type(fn).__name__}, for {name!r}.",
            "continuous parameters: a network learns a density of them",
            f"draw {name!r} inside simulate() from its key, so that it is a part of the simulation; or let it be a "
            "decision, with its values as options",
        )
    else:
        try:
            biject_to(fn.support)
        except NotImplementedError:
            what = f"{whose} a distribution for {name!r} whose support NumPyro cannot map to the reals: {fn.support}."
            yield Problem(what, "a support that numpyro.distributions.biject_to knows", proper)
