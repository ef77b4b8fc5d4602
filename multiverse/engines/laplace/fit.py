"""One block of universes by Laplace's approximation: search their modes, draw around them, weigh, judge."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.laplace.block import LaplaceBlock
from multiverse.engines.laplace.newton import Derivatives, Point, Search, look, search
from multiverse.engines.laplace.proposal import NoProposal, Proposal, propose
from multiverse.engines.laplace.undrawn import modes_missed, without_draws
from multiverse.engines.nuts.starts import START_RADIUS, START_TRIES
from multiverse.engines.outcome import Outcome
from multiverse.engines.weighing.judge import WeightedDraws, judge_weighted

if TYPE_CHECKING:
    from multiverse.engines.laplace.engine import Laplace

ROUNDING: Final = MappingProxyType({"float32": 1e-6, "float64": 1e-14})  # of a log joint: some units in its last place


def fit_block(run: LaplaceBlock, batch: Batch, keys: Sequence[str], settings: Laplace) -> dict[str, Outcome]:
    """An outcome for each key, at most as many as the block holds, by key."""
    began = time.perf_counter()
    limit = batch.wanted.time_limit
    stop = np.inf if limit is None else began + limit * len(keys)
    _, words, leaves = block_arguments(batch, keys, seed=settings.seed, dtype=settings.dtype)
    found = search_modes(run.derivatives, words, leaves, batch.program.sites.dimension, settings, stop)
    ended = [propose(starts_of(found, i, settings.starts), settings.degrees) for i in range(len(keys))]
    proposals = {key: end for key, end in zip(keys, ended, strict=True) if isinstance(end, Proposal)}
    outcomes: dict[str, Outcome] = {}
    if proposals:
        drawn = _draw(run, words, leaves, ended, settings)
        steps = found.steps.reshape(-1, settings.starts).max(axis=1)[: len(keys)]
        numbers = {
            "newton_steps": steps[[key in proposals for key in keys]].astype(np.float64),
            "modes": np.array([float(proposal.modes) for proposal in proposals.values()]),
        }
        wrong = modes_missed(tuple(proposals), proposals.values(), drawn.log_weights)
        outcomes = judge_weighted(batch, tuple(proposals), drawn._replace(diagnostics=numbers), settings.gate, wrong)
    late = time.perf_counter() > stop
    for key, end in zip(keys, ended, strict=True):
        if isinstance(end, NoProposal):
            outcomes[key] = without_draws(batch, key, end, late=late, stopped="while its mode was searched")
    seconds = (time.perf_counter() - began) / len(keys)
    return {key: replace(outcome, seconds=seconds) for key, outcome in outcomes.items()}


def search_modes(
    compiled: Any,
    words: np.ndarray,
    leaves: Mapping[str, np.ndarray],
    dimension: int,
    settings: Laplace,
    stop: float,
) -> Search:
    """Where the starts of all universes lead; lanes are universe x start.

    compiled: `LaplaceBlock.derivatives`. stop: when to give up, by `time.perf_counter`.
    """
    shape = len(words), settings.starts, dimension

    def derivatives(z: Floats) -> tuple[Floats, Floats, Floats]:
        value, gradient, hessian = compiled(leaves, z.reshape(shape).astype(settings.dtype))
        lanes = len(z)
        return (
            np.asarray(value).reshape(lanes),
            np.asarray(gradient).reshape(lanes, dimension),
            np.asarray(hessian).reshape(lanes, dimension, dimension),
        )

    start = _starting_points(derivatives, words, shape)
    return search(derivatives, start, rounding=ROUNDING[settings.dtype], stop=lambda: time.perf_counter() > stop)


def _starting_points(derivatives: Derivatives, words: np.ndarray, shape: tuple[int, int, int]) -> Point:
    """0 and random points for each universe; where the density or its derivatives are not finite, others are tried."""
    random = _uniform(words, 0, shape)
    random[:, 0] = 0.0
    at = look(derivatives, random.reshape(-1, shape[2]))
    for tries in range(1, START_TRIES):
        if at.finite.all():
            break
        z = np.where(at.finite[:, None], at.z, _uniform(words, tries, shape).reshape(-1, shape[2]))
        at = look(derivatives, z)
    return at


def _uniform(words: np.ndarray, number: int, shape: tuple[int, int, int]) -> Floats:
    """Points of each universe, which hang on its words and this number only."""
    points = [_generator(pair, number).uniform(-START_RADIUS, START_RADIUS, shape[1:]) for pair in words]
    return np.array(points)


def _student(words: np.ndarray, degrees: int, shape: tuple[int, int]) -> Floats:
    """Draws (draw, dimension) of a multivariate Student-t around 0. NumPy draws normals in a third of XLA's time."""
    generator = _generator(words, START_TRIES + 1)
    normals = generator.standard_normal(shape)
    return normals * np.sqrt(degrees / generator.chisquare(degrees, shape[0]))[:, None]


def _generator(words: np.ndarray, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=words.astype(np.uint64), counter=[0, 0, 0, number]))


def starts_of(found: Search, universe: int, starts: int) -> Search:
    """The starts of one universe."""
    at = slice(universe * starts, (universe + 1) * starts)
    return Search(Point(*(values[at] for values in found.at)), found.stationary[at], found.steps[at])


def _draw(
    run: LaplaceBlock,
    words: np.ndarray,
    leaves: Mapping[str, np.ndarray],
    ended: Sequence[Proposal | NoProposal],
    settings: Laplace,
) -> WeightedDraws:
    """The weighted draws of the universes that have a proposal, in their order."""
    import jax

    usual = next(end for end in ended if isinstance(end, Proposal))  # a stand-in where there is none
    filled = [end if isinstance(end, Proposal) else usual for end in [*ended, *[usual] * (len(words) - len(ended))]]
    mode = np.array([proposal.mode for proposal in filled]).astype(settings.dtype)
    root = np.array([proposal.root for proposal in filled]).astype(settings.dtype)
    here = [i for i, end in enumerate(ended) if isinstance(end, Proposal)]
    df, dimension = settings.degrees, mode.shape[1]
    t = np.array([_student(pair, df, (settings.draws, dimension)) for pair in words]).astype(settings.dtype)
    drawn = jax.tree.map(lambda values: np.asarray(values)[here], run.propose(leaves, mode, root, t))
    distance = np.square(t[here].astype(np.float64)).sum(axis=2)  # from the mode, in the coordinates of the proposal
    constants = np.array([filled[i].log_constant for i in here])
    log_joint = -drawn.potential.astype(np.float64)
    log_proposal = constants[:, None] - (df + dimension) / 2 * np.log1p(distance / df)
    offsets = np.array([_generator(words[i], START_TRIES).uniform() for i in here])
    return WeightedDraws(
        drawn.sites, drawn.log_prior, drawn.log_likelihood, log_joint, log_joint - log_proposal, offsets, {}
    )
