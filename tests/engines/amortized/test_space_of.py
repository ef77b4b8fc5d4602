"""The space as arrays: what is drawn is a universe of the plan, or lies between two of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiverse as mv
from multiverse.engines.amortized.family import open_program
from multiverse.engines.amortized.space_of import draw_universe, is_log, space_of, universe_at, without_observed
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import QUICK_COMPILE

MANY = 2000
KEYS = jax.random.split(jax.random.key(1), MANY)


def mixed(data, *, scale, df, trials, cut):
    mu = numpyro.sample("mu", dist.StudentT(df, 0, scale) if df is not None else dist.Normal(0, scale))
    with mv.rows(data):
        numpyro.sample("y", dist.Binomial(trials, logits=mu - cut), obs=data["y"])


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    """Rules, options that do not apply, arrays of integers, and numbers told by their logarithm."""
    space = (
        mv.Space(
            rows=mv.preprocessing({"all": 6, "four": 4}),
            scale=mv.prior({"narrow": 0.1, "one": 1.0, "wide": 10.0}),
            tails=mv.likelihood(normal="normal", student="student"),
            df=mv.prior({"heavy": 3.0, "light": 8.0}),
            trials=mv.likelihood({"five": np.array([5, 5, 5]), "nine": np.array([9, 9, 9])}),
            cut=mv.likelihood({"below": -1.0, "above": 2.0}),
        )
        .only_when("df", lambda tails: tails == "student")
        .forbid("wide data are not cut above", lambda scale, cut: (scale, cut) == ("wide", "above"))
    )

    def model(data, *, scale, tails, df, trials, cut):
        mixed(data, scale=scale, df=df, trials=trials[0], cut=cut)

    study = mv.Study(
        "mixed",
        data={"y": np.array([1, 2, 0, 3, 1, 2])},
        prepare=lambda raw, *, rows: {"y": raw["y"][:rows]},
        model=model,
        estimands={"mu": "mu"},
        space=space,
    )
    return list(mv.plan(study).programs)


_DRAWS: dict[str, Any] = {}


def drawn(program: Program, between: float) -> dict[str, np.ndarray]:
    if program.id not in _DRAWS:  # one compilation serves all shares between
        space = jax.tree.map(jnp.asarray, space_of(open_program(program)))
        draws = jax.vmap(lambda key, share: draw_universe(space, key, share), in_axes=(0, None))
        _DRAWS[program.id] = jax.jit(draws, compiler_options=dict(QUICK_COMPILE))
    many = _DRAWS[program.id](KEYS, between)
    return {path: np.asarray(leaf) for path, leaf in many.items()}


def rounded(leaves: Any, number: int | None = None) -> tuple[Any, ...]:
    """One universe as something that can be compared; its data as bytes."""
    some = {path: leaf if number is None else leaf[number] for path, leaf in leaves.items()}
    return tuple((path, np.asarray(leaf, np.float32).tobytes()) for path, leaf in sorted(some.items()))


def test_every_universe_is_drawn_and_no_other(programs: list[Program]) -> None:
    assert len(programs) > 1
    for program in programs:
        of = open_program(program)
        own = {rounded(of.program.leaves(key)) for key in of.program.members}
        many = drawn(program, between=0.0)
        found = [rounded(many, i) for i in range(MANY)]
        assert set(found) == own
        counts = np.array([found.count(one) for one in own])
        expected = MANY / len(own)
        assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_values_between_lie_between_and_integers_are_never_mixed(programs: list[Program]) -> None:
    for program in programs:
        many = drawn(program, between=1.0)
        of = open_program(program).program
        for path, leaf in many.items():
            own = np.stack([of.leaves(key)[path] for key in of.members]).astype(leaf.dtype)
            assert (leaf >= own.min(axis=0) * (1 - 1e-6)).all() or (own.min() < 0 and (leaf >= own.min() - 1e-6).all())
            assert (leaf <= own.max(axis=0) + 1e-5 * abs(own.max())).all()
            if leaf.dtype.kind != "f":
                assert {value.tobytes() for value in leaf} <= {value.tobytes() for value in own}
        assert len(np.unique(many["option/cut"])) > MANY / 4


def test_numbers_that_span_orders_of_magnitude_are_mixed_by_their_logarithm(programs: list[Program]) -> None:
    scale = drawn(programs[0], between=1.0)["option/scale"]
    inside = scale[(scale > 0.1001) & (scale < 9.99)]
    assert 0.35 < (inside < 1).mean() < 0.65  # of uniform ones a tenth would be less
    assert is_log(np.array([1.0, 4.0])) and not is_log(np.array([1.0, 2.0]))
    assert not is_log(np.array([0.0, 9.0])) and not is_log(np.array([1, 9]))


def test_a_fitting_share_is_between(programs: list[Program]) -> None:
    cut = drawn(programs[0], between=0.5)["option/cut"]
    between = (~np.isin(cut, np.array([-1.0, 2.0], np.float32))).mean()
    assert 0.05 < between < 0.5  # half are to be, and of these half are between equal options


@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))
@settings(max_examples=8)
def test_members_are_those_of_the_plan(priors: int, noises: int, dropped: int) -> None:
    import known_line

    from multiverse.planning.build import plan

    planned: Plan = _PLANS.setdefault(
        (priors, noises, dropped), plan(known_line.study(space=known_line.space(priors, noises, dropped)))
    )
    for program in planned.programs:
        of = open_program(program)
        space = space_of(of)
        found = [rounded(universe_at(space, number)) for number in range(len(space.members))]
        assert found == [rounded(of.program.leaves(key)) for key in sorted(of.program.members)]


_PLANS: dict[tuple[int, int, int], Plan] = {}


def test_observed_values_can_be_left_out(line: ModuleType, twelve_lines: Plan) -> None:
    of = open_program(twelve_lines.programs[0]).program
    leaves = of.leaves(next(iter(of.members)))
    assert leaves.keys() - without_observed(leaves).keys() == {"observed: y"}
