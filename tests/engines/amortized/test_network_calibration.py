"""Simulation-based calibration of a network that learnt eight schools: uniform as it is, and not once it is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import multiverse as mv
from multiverse.engines.amortized.calibration import calibration_p
from multiverse.engines.amortized.family import families_of
from multiverse.engines.amortized.learner import Learner, make_learner
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import normalised, systematic_resample
from multiverse.loading import load_study

STUDY = Path(__file__).parents[3] / "experiments" / "eight_schools_multiverse" / "study.py"
TRAINING = mv.Schedule(segment=500, steps=1000)
BLOCK, BLOCKS, DRAWS = 20, 13, 500  # of each program; 520 data sets in all
LEVEL = 0.001  # p-value that fails it; seeds are fixed


class Tried(NamedTuple):
    """Truths (simulation, dimension), draws (simulation, draw, dimension), and their weights (simulation, draw)."""

    truth: np.ndarray
    draws: np.ndarray
    weights: np.ndarray

    @property
    def corrected(self) -> np.ndarray:
        """A resample of the draws by their weights."""
        offsets = np.random.default_rng(1).uniform(size=len(self.weights))
        return np.take_along_axis(self.draws, systematic_resample(self.weights, offsets)[..., None], axis=1)


def tried(learner: Learner, weights: Any) -> Tried:
    """A network on simulations that it never saw, of universes drawn at random."""
    truths, draws, its = [], [], []
    for place in range(len(learner.subject.family.programs)):
        leaves, z = learner.held_out(place, BLOCK * BLOCKS, np.array([7, place], np.uint32))
        truths.append(z)
        for i in range(0, BLOCK * BLOCKS, BLOCK):
            words = np.stack([np.full(BLOCK, place), np.arange(i, i + BLOCK)], axis=1).astype(np.uint32)
            with jax.enable_x64(True):
                some = {path: leaf[i : i + BLOCK] for path, leaf in leaves.items()}
                some = {path: leaf.astype("f8") if leaf.dtype.kind == "f" else leaf for path, leaf in some.items()}
                drawn = learner.draw(weights, place, (), some, words, DRAWS)
            draws.append(drawn.z.astype(np.float64))
            its.append(normalised(smooth(drawn.log_weights.astype(np.float64))[1]))
    return Tried(np.concatenate(truths), np.concatenate(draws), np.concatenate(its))


@pytest.mark.slow
def test_ranks_are_uniform_and_those_of_a_broken_network_are_not() -> None:
    ((family,), _) = families_of(mv.plan(load_study(STUDY).study))
    learner = make_learner(family, mv.Amortized().size, TRAINING, (), seed=0)
    checkpoint = learner.begin()
    while checkpoint.step < TRAINING.steps:
        checkpoint, _ = learner.segment(checkpoint)
    found = tried(learner, checkpoint.average)
    assert calibration_p(found.truth, found.draws) > LEVEL
    assert calibration_p(found.truth, found.corrected) > LEVEL

    middle = np.median(found.draws, axis=1, keepdims=True)
    assert calibration_p(found.truth, middle + 0.7 * (found.draws - middle)) < LEVEL  # too sure of itself
    random = np.random.default_rng(0)
    spoilt = {
        name: (a + 0.2 * a.std() * random.normal(size=a.shape)).astype(a.dtype)
        for name, a in checkpoint.average.items()
    }
    assert calibration_p(found.truth, tried(learner, spoilt).draws) < LEVEL
