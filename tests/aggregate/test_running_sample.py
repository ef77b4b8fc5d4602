"""The variance of finished batches, against all the samples that might have been."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from multiverse.aggregate.running_sample import KNOWN, MISSING, Sample


def sample(stratum: list[int], batch: list[int]) -> Sample:
    return Sample(np.array(stratum), np.array(batch), np.ones(len(stratum)), np.arange(len(stratum)))


def test_its_expectation_is_the_variance_over_all_samples() -> None:
    rng = np.random.default_rng(0)
    sizes, drawn, width = (5, 4), (3, 2), 3  # clusters of two strata, of three universes each
    stratum = np.repeat((0, 1), np.array(sizes) * width)
    cluster = np.repeat(np.arange(sum(sizes)), width)
    values = rng.normal(size=len(stratum))
    totals, variances = [], []
    for first, second in product(combinations(range(5), drawn[0]), combinations(range(5, 9), drawn[1])):
        batch = np.where(np.isin(cluster, (*first, *second)), cluster, MISSING)
        some = Sample(stratum, batch, np.ones(len(stratum)), np.arange(len(stratum)))
        totals.append((some.weights * values).sum())
        variances.append(some.variance(values))
        assert (some.clusters, some.strata, some.degrees) == (5, 2, 3)
    assert np.mean(totals) == pytest.approx(values.sum())
    assert np.mean(variances) == pytest.approx(np.var(totals))


def test_strata_of_one_cluster_are_compared_with_each_other() -> None:
    rng = np.random.default_rng(1)
    stratum = np.repeat((0, 1, 2), 4)
    cluster = np.repeat(np.arange(6), 2)
    values = rng.normal(size=12)
    totals, variances = [], []
    for one in product((0, 1), (2, 3), (4, 5)):
        some = Sample(stratum, np.where(np.isin(cluster, one), cluster, MISSING), np.ones(12), np.arange(12))
        totals.append((some.weights * values).sum())
        variances.append(some.variance(values))
        assert some.degrees == 2 and some.covered.all()
    assert np.mean(variances) >= np.var(totals) * (1 - 1e-9)


def test_one_such_stratum_alone_is_not_covered() -> None:
    some = sample([0] * 4 + [1] * 4, [7, 7, MISSING, MISSING] + [1, 1, 2, 2])
    assert some.degrees == 0
    assert some.covered.tolist() == [False] * 4 + [True] * 4
    assert some.weights.tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


def test_a_finished_stratum_has_no_variance() -> None:
    some = sample([0] * 4 + [1] * 6, [1, 1, 2, 2, 3, 3, 4, 4, MISSING, MISSING])
    values = np.array([9.0, -9.0, 5.0, 5.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    assert some.variance(values) == 0
    assert some.weights[4:8] == pytest.approx(1.5)
    assert some.fraction == pytest.approx(4 / 6)


def test_programs_of_one_batch_are_clusters_of_one_stratum() -> None:
    done = [program if program < 6 else MISSING for program in np.repeat(np.arange(10), 3)]
    some = sample(np.repeat(np.arange(10), 3).tolist(), done)
    assert (some.strata, some.clusters, some.degrees) == (1, 6, 5)
    assert some.covered.all()
    assert some.reach == 4 * 3  # four programs of three may all differ, 0.4^4 = 0.0256, and nobody has seen one


def test_a_larger_program_that_is_not_begun_is_not_taken_for_one_batch() -> None:
    some = sample([0, 0, 1, 1, 2, 2, 3, 3, 3], [0, 0, 1, 1] + [MISSING] * 5)
    assert some.covered.tolist() == [True] * 6 + [False] * 3


def test_universes_that_no_batch_answers_are_known() -> None:
    some = sample([KNOWN] * 3 + [0] * 6, [9, 9, 9, 1, 1, 2, 2, MISSING, MISSING])
    assert some.covered.all() and (some.strata, some.clusters) == (1, 2)
    assert some.weights[:3].tolist() == [1, 1, 1]


def test_duplicates_of_one_answer_tell_what_one_does() -> None:
    pairs = np.repeat(np.arange(10), 2)
    some = Sample(np.zeros(20, int), np.where(pairs < 6, pairs, MISSING), np.ones(20), pairs)
    assert some.copies == 2.0
    assert some.reach == 4 * 2  # 0.4^4 = 0.0256: four answers, of two universes each
