"""Whether anchors could have visited all that the prior of a universe allows: what no weights can tell.

Pareto's k-hat looks at draws that are there. An anchor with a narrow prior has none in the tails of a wide one, and one
whose support ends earlier has none beyond; the weights of what it has may look good all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import Reason
from multiverse.engines.reweight.density import Densities, Draws

if TYPE_CHECKING:
    from multiverse.engines.reweight.anchor import Anchor

EDGE: Final = 0.01  # of an anchor's prior lies outside its region of highest density, which counts as visited
# Of a universe's prior at least this share lies in these regions of anchors. Where data say little, weights between
# normal priors have a finite variance as long as the anchor's is not narrower by more than 1.41 (Owen 2013, chapter
# 9.1): the share is then 0.93 in one dimension and 0.84 in four; where it is half as wide, 0.80 and 0.49.
REACH_MIN: Final = 0.8


def prior_low(densities: Densities, key: str, draws: int) -> float:
    """The log prior at the edge of the region of highest density that holds all but `EDGE` of a universe's prior."""
    at = densities.points(key)
    own = densities.log_prior(key, at)[: draws // 2]
    return float(np.quantile(own[np.isfinite(own)], EDGE))


def unreached(densities: Densities, key: str, draws: int, anchors: Sequence[Anchor], dtype: str) -> Failure | None:
    """What the prior of a universe allows and no anchor could have visited; None where there is nothing of weight."""
    at, half = densities.points(key), draws // 2
    own = np.isfinite(densities.log_prior(key, at))
    theirs = [Densities(anchor.program, draws, dtype).log_prior(anchor.key, at) for anchor in anchors]
    beyond = own & ~np.isfinite(np.stack(theirs)).any(axis=0)
    if beyond[half:].any():
        where = int(np.flatnonzero(beyond[half:])[0]) + half
        return Failure(Reason.reach, f"its priors allow {_shown(at, where)}, and those of no anchor do")
    low: Floats = np.array([anchor.prior_low for anchor in anchors])
    inside = np.any(np.stack(theirs) >= low[:, None], axis=0)
    if (share := float(inside[:half][own[:half]].mean())) < REACH_MIN:
        return Failure(
            Reason.reach,
            f"{1 - share:.0%} of its prior lies where anchors were not drawn to; at most {1 - REACH_MIN:.0%} may",
        )
    return None


def _shown(at: Draws, draw: int) -> str:
    """The values of a draw, as in `level = 3.2, s = 4.9e+08`; the first number of what has several."""
    return ", ".join(f"{name} = {np.ravel(values[draw])[0]:.2g}" for name, values in at.sites.items())
