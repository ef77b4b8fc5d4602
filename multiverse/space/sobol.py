"""Several continuous ranges at once, by points that fill their box evenly."""

from __future__ import annotations

from collections.abc import Mapping

from multiverse.errors import Problem, SpaceError
from multiverse.space.continuous import Range, as_decision, check_points
from multiverse.space.decision import Decision

BITS = 52  # of each coordinate; as many as a float has, so that no two points of a range are alike


def sobol(ranges: Mapping[str, Range], n: int, *, seed: int = 0) -> dict[str, Decision]:
    """A decision for each range, which are to be linked: `Space(family=..., **points).link(*points)`.

    The first option of each is its reference (`Range.usual`), the next `n` are scrambled Sobol points, spread evenly
    over the box of all ranges, each on its own scale. Linked, they make the space n + 1 times as large, however many
    ranges there are. A power of two is spread best. A larger `n` with the same seed and ranges has the same points
    under the same labels, and more: a store goes on. Values are floats, so they share a program.

    Raises SpaceError with all mistakes found: ranges that are none, an `n` that is not a whole number from 1 to
    `continuous.POINTS_MOST`. Sources: Sobol' 1967, USSR Computational Mathematics and Mathematical Physics 7(4):86-112;
    scrambled as in Matousek 1998, Journal of Complexity 14(4):527-556, by scipy.stats.qmc.
    """
    if problems := [*_mistakes(ranges, seed), *check_points("sobol", n, least=1)]:
        raise SpaceError(problems)
    from scipy.stats import qmc

    # drawn by a power of two, and cut: SciPy warns of other numbers, and the next power begins with these
    points = qmc.Sobol(len(ranges), bits=BITS, rng=seed).random_base2((n - 1).bit_length())[:n]
    return {
        name: as_decision([its.usual, *map(its.at, shares)], its.kind)
        for (name, its), shares in zip(ranges.items(), points.T.tolist(), strict=True)
    }


def _mistakes(ranges: object, seed: object) -> list[Problem]:
    problems = []
    if not isinstance(ranges, Mapping) or not ranges:
        what = f"sobol was given {ranges!r} for ranges."
        example = 'sobol({"spread": between(0.1, 10, scale="log"), "cut": between(0, 2)}, 32)'
        problems.append(Problem(what, "a mapping from the name of each decision to its range", example))
    else:
        problems += [
            Problem(
                f"sobol: {name!r} is a {type(its).__name__}, not a range.",
                "what `between` gives back",
                f'{{{name!r}: between(0.1, 10, scale="log")}}',
            )
            for name, its in ranges.items()
            if not isinstance(its, Range)
        ]
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(Problem(f"sobol: the seed is {seed!r}.", "a whole number, at least 0", "seed=0"))
    return problems
