"""The distance of data: p-values are uniform where the model is right, and at their floor where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from multiverse.engines.amortized.distance import SIMULATED, p_values
from multiverse.engines.amortized.fit import learner_of
from multiverse.engines.amortized.learning import TRAINING
from multiverse.planning.leaf_path import OBSERVED
from multiverse.planning.plan import Plan
from multiverse.testing_engines import Answers

FLOOR = 1 / (1 + SIMULATED)


def tries(summaries: int, size: int, seed: int = 1) -> np.ndarray:
    """Data sets that are alike, of summaries that hang together."""
    source = np.random.default_rng(seed)
    mixing = source.normal(size=(summaries, summaries))
    return source.standard_t(5, size=(size, 1 + SIMULATED, summaries)) @ mixing


@pytest.mark.parametrize("summaries", [1, 5, 40])
def test_p_values_are_uniform_where_data_are_alike(summaries: int) -> None:
    counts, _ = np.histogram(p_values(tries(summaries, 600)), bins=10, range=(0, 1 + 1e-9))
    assert chisquare(counts).pvalue > 1e-3


def test_far_data_have_the_smallest_p_value_there_is() -> None:
    x = tries(5, 20)
    x[:, 0] += 100
    np.testing.assert_allclose(p_values(x), FLOOR)


@given(st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 4))
@settings(max_examples=10)
def test_data_that_are_no_numbers_are_far(number: float, at: int) -> None:
    x = tries(5, 1)
    x[:, 0, at] = number
    assert p_values(x) == FLOOR


def test_simulations_that_are_no_numbers_are_left_out() -> None:
    x = tries(3, 1)
    whole = p_values(x)
    x[:, 5:55, 1] = np.nan
    assert 0 < p_values(x)[0] <= 1 and p_values(x)[0] == pytest.approx(whole[0], abs=0.2)


def test_data_that_can_be_compared_with_nothing_have_the_smallest_p_value_there_is() -> None:
    x = tries(3, 1)
    x[:, 1:] = np.nan
    assert p_values(x) == FLOOR


def test_summaries_that_do_not_vary_tell_data_that_differ() -> None:
    x = np.zeros((2, 1 + SIMULATED, 3))
    x[1, 0, 2] = 1.0
    np.testing.assert_allclose(p_values(x), [1.0, FLOOR])


def test_data_of_the_model_have_uniform_p_values(answers_here: Answers, twelve_lines: Plan, small_engine) -> None:
    """Data simulated under each universe, by the network's own simulator and read as the real ones are."""
    batch, outcomes = next((batch, outcomes) for batch, outcomes in answers_here if batch.purpose == TRAINING)
    learner = learner_of(batch, small_engine, outcomes[0].handed)
    program = learner.subject.family.opened[0].program
    keys = sorted(program.members)[:4] * 4  # 16, as in a block
    source, found = np.random.default_rng(6), []
    noise = {"one": 1.0, "more": 1.4}
    for _ in range(20):
        leaves = program.gather(keys, "float32")
        sd = np.array([noise[str(program.members[key].universe["noise"])] for key in keys])
        line = source.normal(0, 2, 16)[:, None] + leaves["/x"] * (
            source.normal(size=16) * leaves["option/prior/scale"] + leaves["option/prior/loc"]
        ).reshape(16, 1)
        leaves[f"{OBSERVED}y"] = (line + source.normal(size=line.shape) * sd[:, None]).astype(np.float32)
        words = source.integers(0, 2**32, (16, 2), dtype=np.uint64).astype(np.uint32)
        found.append(p_values(learner.summaries(0, leaves, words)))
    counts, _ = np.histogram(np.concatenate(found), bins=8, range=(0, 1 + 1e-9))
    assert chisquare(counts).pvalue > 1e-3
