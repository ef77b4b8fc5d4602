"""The modes of the globals: Newton's method on the marginal, where the locals follow the globals from step to step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.laplace.newton import Point, Search, look, search
from multiverse.engines.laplace.proposal import NoProposal, Proposal, propose
from multiverse.engines.nested.block import Marginal, Near, NestedBlock
from multiverse.engines.nested.rounds import DEGREES
from multiverse.engines.nuts.starts import START_RADIUS

if TYPE_CHECKING:
    from multiverse.engines.nested.engine import NestedLaplace

START_TRIES: Final = 20  # random points for each start whose density is not finite; at most 1000 (`FIRST_DRAW`)
APART_FIRST: Final = 1e-3  # of derivatives before anything is known of the scale of a global
APART: Final = 1e-2  # standard deviations afterwards: the Hessian is right to a percent, as a proposal needs it
ROUNDING: Final = {"float32": 1e-5, "float64": 1e-10}  # of the marginal: locals have settled no better than this


class Modes(NamedTuple):
    """What the search found, by universe. near: around the best mode, (universe, ...), for the whole block."""

    ended: Sequence[Proposal | NoProposal]
    near: Near
    steps: np.ndarray

    def proposal(self, universe: int) -> Proposal:
        """The proposal of a universe that has one."""
        end = self.ended[universe]
        assert isinstance(end, Proposal)
        return end


def generator(words: np.ndarray, number: int) -> np.random.Generator:
    """A stream of random numbers of the universe with these words."""
    return np.random.Generator(np.random.Philox(key=words.astype(np.uint64), counter=[0, 0, 0, number]))


def search_modes(
    run: NestedBlock,
    words: np.ndarray,
    leaves: Mapping[str, np.ndarray],
    settings: NestedLaplace,
    *,
    asked: int,
    stop: Callable[[], bool],
) -> Modes:
    """Where the starts of the first `asked` universes of a block lead: 0 and random points."""
    universes, starts = len(words), settings.starts
    lanes = np.repeat(np.arange(universes) < asked, starts)
    walk = _Walk(run, leaves, settings, lanes)

    def points(number: int) -> Floats:
        shape = starts, run.hierarchy.globals
        return np.array([generator(pair, number).uniform(-START_RADIUS, START_RADIUS, shape) for pair in words])

    first = points(0)
    first[:, 0] = 0.0
    at = look(walk, first.reshape(-1, run.hierarchy.globals))
    for number in range(1, START_TRIES):
        if at.finite[lanes].all() or stop():
            break
        at = look(walk, np.where(at.finite[:, None], at.z, points(number).reshape(at.z.shape)))
    found = search(walk, at, rounding=ROUNDING[settings.dtype], stop=stop)
    ended = [propose(_lanes(found, i, starts), DEGREES) for i in range(asked)]
    best = [_best(found, end, i, starts) for i, end in enumerate(ended)]
    near = Near(*(part[[*best, *[0] * (universes - asked)]] for part in walk.near))
    return Modes(ended, near, found.steps.reshape(-1, starts).max(axis=1))


class _Walk:
    """The marginal as `newton.Derivatives`, which remembers where the locals are. Lanes are universe x start.

    A lane that stands where it stood is not computed again.
    """

    def __init__(
        self, run: NestedBlock, leaves: Mapping[str, np.ndarray], settings: NestedLaplace, lanes: np.ndarray
    ) -> None:
        number, count, size = len(lanes), run.hierarchy.globals, run.hierarchy.locals
        self._run, self._leaves, self._dtype, self._lanes = run, leaves, settings.dtype, lanes
        self.near = Near(np.zeros((number, count)), np.zeros((number, size)), np.zeros((number, size, count)))
        self._apart = np.full((number, count), APART_FIRST)
        self._at = np.full((number, count), np.nan)
        self._found = np.zeros(number), np.zeros((number, count)), np.tile(np.eye(count), (number, 1, 1))

    def __call__(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        new = self._lanes & (z != self._at).any(axis=1)
        if new.any():
            at, apart, *near = (part.astype(self._dtype) for part in (z, self._apart, *self.near))
            found = self._run.marginal(new, self._leaves, at, Near(*near), apart)
            self._remember(z, new, Marginal(*(np.asarray(part, np.float64) for part in found)))
        return self._found

    def _remember(self, z: Floats, new: np.ndarray, found: Marginal) -> None:
        self._at = _where(new, z, self._at)
        potential, gradient, hessian = (_where(new, a, b) for a, b in zip(found[:3], self._found, strict=True))
        self._found = potential, gradient, hessian
        finite = [np.isfinite(part).reshape(len(z), -1).all(axis=1) for part in found]
        good = new & np.logical_and.reduce(finite)
        last = Near(z, found.locals, found.response)
        self.near = Near(*(_where(good, a, b) for a, b in zip(last, self.near, strict=True)))
        curvature = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
        self._apart = _where(good, APART / np.sqrt(np.maximum(curvature, 1.0)), self._apart)


def _where(lanes: np.ndarray, new: Floats, old: Floats) -> Floats:
    return np.where(lanes.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _lanes(found: Search, universe: int, starts: int) -> Search:
    """The starts of one universe."""
    at = slice(universe * starts, (universe + 1) * starts)
    return Search(Point(*(values[at] for values in found.at)), found.stationary[at], found.steps[at])


def _best(found: Search, end: Proposal | NoProposal, universe: int, starts: int) -> int:
    """The lane that led to the proposal."""
    ends = found.at.z[universe * starts : (universe + 1) * starts]
    start = np.flatnonzero((ends == end.mode).all(axis=1))[0] if isinstance(end, Proposal) else 0
    return universe * starts + int(start)
