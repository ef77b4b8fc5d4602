"""What universes observe: equal fingerprints mean one set of values on one base measure, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.planning.bind import bind
from multiverse.planning.group import programs_of
from multiverse.planning.identify import identify
from multiverse.planning.observed_data import Observed, observed_data
from multiverse.planning.walk import walk
from multiverse.progress import no_progress

RAW = {"y": np.array([1.0, 2.0, 3.0, 4.0, 5.0]), "x": np.array([0.1, 0.5, 0.2, 0.9, 0.4])}


def seen(model: Any, prepare: Any, **decisions: Any) -> dict[str, Observed]:
    """What each universe observes, by its labels."""
    study = mv.Study("s", data=RAW, prepare=prepare, model=model, estimands={"m": "m"}, space=mv.Space(**decisions))
    binding, problems = bind(study)
    assert not problems
    walked = walk(study, binding, identify(study, binding), no_progress)  # planning without its checks, which compile
    programs = [program for family in walked.families for program in programs_of(family, len(RAW["y"])).programs]
    told = {key: one for program in programs for key, one in observed_data(program).items()}
    return {" ".join(map(str, universe.labels)): told[key] for key, universe in walked.universes.items()}


def groups(observed: Mapping[str, Observed]) -> set[frozenset[str]]:
    """Which universes may be compared."""
    assert all(one.fingerprint and not one.why for one in observed.values()), observed
    together: dict[str, set[str]] = {}
    for labels, one in observed.items():
        together.setdefault(one.fingerprint, set()).add(labels)
    return {frozenset(some) for some in together.values()}


def same(raw: Any) -> Any:
    return raw


def regression(data: Any, *, prior: Any = None, slope: Any = None) -> None:
    m = numpyro.sample("m", dist.Normal(0, 1) if prior is None else prior)
    b = numpyro.sample("b", dist.Normal(0, 1)) if slope else 0.0
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(m + b * data["x"], 1.0), obs=data["y"])


def test_priors_covariates_and_parameters_may_differ() -> None:
    def prepare(raw: Any, *, scaled: float) -> Any:
        return {"y": raw["y"], "x": raw["x"] * scaled}

    found = seen(
        regression,
        prepare,
        scaled=mv.preprocessing(no=1.0, yes=10.0),
        prior=mv.prior(wide=dist.Normal(0, 9), narrow=dist.Normal(0, 1)),
        slope=mv.likelihood(without=False, within=True),
    )
    assert len(found) == 8 and len(groups(found)) == 1


def test_rows_and_scales_may_not_differ_and_padding_does_not_matter() -> None:
    def prepare(raw: Any, *, dropped: int, log: bool) -> Any:
        y = raw["y"][dropped:]
        return {"y": np.log(y) if log else y, "x": raw["x"][dropped:]}

    found = seen(
        regression, prepare, dropped=mv.preprocessing(none=0, one=1), log=mv.preprocessing(raw=False, log=True)
    )
    assert len(groups(found)) == 4

    def padded_or_not(raw: Any, *, dropped: int) -> Any:
        return {"y": raw["y"][1:], "x": raw["x"][1:]} if dropped else {"y": raw["y"][1:].copy(), "x": raw["x"][1:] + 1}

    found |= seen(regression, padded_or_not, dropped=mv.preprocessing(a=0, b=1))
    assert {"one raw", "a", "b"} in groups(found)  # the first is padded and masked, the others are not


def test_a_transformation_within_the_model_is_seen() -> None:
    def model(data: Any, *, power: float) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(m, 1.0), obs=data["y"] ** power)

    found = seen(model, same, power=mv.likelihood(one=1.0, half=0.5, nearly=1.0 - 1e-9))
    assert len(groups(found)) == 3


def test_a_density_of_the_outcome_itself_may_be_of_any_family() -> None:
    """log y ~ N and y ~ LogNormal are one model: the second is a density of y, as y ~ N is."""

    def model(data: Any, *, family: Any) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", family(m, 1.0), obs=data["y"])

    assert len(groups(seen(model, same, family=mv.likelihood(normal=dist.Normal, log=dist.LogNormal)))) == 1


def test_counts_and_lengths_are_not_compared() -> None:
    def model(data: Any, *, counts: bool) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Poisson(np.e**m) if counts else dist.Normal(m, 1.0), obs=data["y"])

    assert len(groups(seen(model, same, counts=mv.likelihood(yes=True, no=False)))) == 2


def test_other_sites_and_other_names_are_not_compared() -> None:
    def model(data: Any, *, how: str) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("z" if how == "named" else "y", dist.Normal(m, 1.0), obs=data["y"])
        if how == "more":
            numpyro.sample("x", dist.Normal(m, 1.0), obs=data["x"])

    assert len(groups(seen(model, same, how=mv.likelihood(usual="usual", named="named", more="more")))) == 3


def test_an_outcome_with_atoms_is_apart_from_one_without() -> None:
    def model(data: Any, *, hurdle: bool) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        parts = [dist.Delta(0.0), dist.Normal(m, 1.0)]
        mixture = dist.MixtureGeneral(
            dist.Categorical(probs=np.array([0.2, 0.8])), parts, support=dist.constraints.real
        )
        numpyro.sample("y", mixture if hurdle else dist.Normal(m, 1.0), obs=data["y"])

    assert len(groups(seen(model, same, hurdle=mv.likelihood(yes=True, no=False)))) == 2


def test_which_values_are_censored_is_data_too() -> None:
    def model(data: Any, *, from_: float) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        fn = dist.RightCensoredDistribution(dist.Normal(m, 1.0), censored=data["y"] >= from_)
        numpyro.sample("y", fn, obs=data["y"])

    found = seen(model, same, from_=mv.likelihood(five=5.0, nearly=4.5, four=4.0))
    assert groups(found) == {frozenset({"five", "nearly"}), frozenset({"four"})}


def test_parameterizations_are_compared() -> None:
    def model(data: Any) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        with numpyro.plate("groups", 2):
            level = numpyro.sample("level", dist.Normal(m, 2.0))
        numpyro.sample("y", dist.Normal(level[0], 1.0), obs=data["y"])

    geometry = mv.parameterization({"centered": {}, "non-centered": {"level": LocScaleReparam(0)}})
    assert len(groups(seen(model, same, geometry=geometry))) == 1


def why(model: Any) -> str:
    (told,) = {*seen(model, same, only=mv.likelihood(one=1.0)).values()}
    assert not told.fingerprint
    return told.why


def test_what_is_no_density_is_not_compared_and_the_reason_is_said() -> None:
    def masked(data: Any, *, only: float) -> None:
        with numpyro.handlers.mask(mask=np.array(False)):
            m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(m, only), obs=data["y"])

    def factor(data: Any, *, only: float) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.factor("jacobian", -m)
        numpyro.sample("y", dist.Normal(m, only), obs=data["y"])

    def scaled(data: Any, *, only: float) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        with numpyro.handlers.scale(scale=0.5):
            numpyro.sample("y", dist.Normal(m, only), obs=data["y"])

    def latent_shift(data: Any, *, only: float) -> None:
        m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(0.0, only), obs=data["y"] - m)

    assert why(masked) == "the prior of 'm' is masked, and so no distribution"
    assert why(factor) == "the model has a numpyro.factor 'jacobian': what it does to the likelihood cannot be told"
    assert why(scaled) == "the density of 'y' is scaled, and so no density"
    assert why(latent_shift) == "latent sites decide what is observed"


def test_the_stored_plan_tells_what_is_observed(laplace_run: mv.Results) -> None:
    dropped: dict[str | None, set[str | None]] = {}
    for universe in laplace_run.plan.universes:
        dropped.setdefault(universe.observed, set()).add(universe.labels["dropped"])
        assert universe.no_evidence is None
    assert len(dropped) == 5 and all(len(labels) == 1 for labels in dropped.values()) and None not in dropped


def test_values_are_told_apart_in_float64_and_zeros_are_one() -> None:
    def prepare(raw: Any, *, moved: str) -> Any:
        moves = {
            "no": raw["y"],
            "little": raw["y"] * (1 + 1e-12),
            "zero": raw["y"] * 0.0,
            "minus zero": raw["y"] * -0.0,
        }
        return {"y": moves[moved], "x": raw["x"]}

    moved = mv.preprocessing({name: name for name in ("no", "little", "zero", "minus zero")})
    assert groups(seen(regression, prepare, moved=moved)) == {
        frozenset({"no"}),
        frozenset({"little"}),
        frozenset({"zero", "minus zero"}),
    }
