"""What an estimand sees of kept draws: all sites are there, and those that were not kept are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines.outcome import Outcome
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.estimand import Estimand
from multiverse.planning.plan import Plan
from multiverse.re_estimate.site_draws import SiteDraws, site_draws

MU = np.arange(6.0).reshape(2, 3)


def seen(plan: Plan, outcome: Outcome, **asked: str | None) -> SiteDraws:
    return site_draws(outcome, plan.programs[0], asked)


def test_kept_sites_are_flat(twelve: Plan) -> None:
    draws = seen(twelve, Outcome("k", draws={"site/mu": MU, "site/residual": np.ones((2, 3, 24))}))
    np.testing.assert_array_equal(draws["mu"], np.arange(6.0))
    assert draws["residual"].shape == (6, 24)
    assert not draws.lacking


def test_an_estimand_that_was_a_site_stands_in_for_it(twelve: Plan) -> None:
    outcome = Outcome("k", draws={"estimand/effect": MU})
    np.testing.assert_array_equal(seen(twelve, outcome, effect=fingerprint("mu"))["mu"], np.arange(6.0))
    for other in (None, fingerprint("twice")):
        draws = seen(twelve, outcome, effect=other)
        assert draws["mu"].shape == (6,) and list(draws.lacking) == ["mu"]


def test_all_that_is_missing_is_told_and_nothing_else(twelve: Plan) -> None:
    outcome = Outcome("k", draws={"estimand/effect": MU})
    for ask, lacking in {
        "mu": ["mu"],
        lambda draws: draws["residual"].sum(axis=1) * draws["mu"]: ["residual", "mu"],
        lambda draws: sum(np.ravel(values)[0] for values in draws.values()) + draws["mu"]: ["mu", "twice", "residual"],
        lambda draws: np.ones(6) if "mu" in draws else None: [],
    }.items():
        draws = seen(twelve, outcome)
        Estimand("new", ask)(draws, {}, {})
        assert list(draws.lacking) == lacking


def test_a_site_that_the_model_does_not_have(twelve: Plan) -> None:
    draws = seen(twelve, Outcome("k", draws={"site/mu": MU}))
    assert set(draws) == {"mu", "twice", "residual"} and len(draws) == 3
    assert "no" not in draws
    with pytest.raises(KeyError, match="no"):
        draws["no"]
