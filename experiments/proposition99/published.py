"""The published estimates and standard errors, as their authors computed them and exactly.

python experiments/proposition99/published.py        prints the table of the README, in some 20 seconds
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from panel_estimators.demeaned_synthetic_control import demeaned_synthetic_control
from panel_estimators.difference_in_differences import difference_in_differences
from panel_estimators.frank_wolfe import stopped_mixture
from panel_estimators.panel import Array, Method, Panel, Ridge, Solve, effects, noise
from panel_estimators.placebo import placebo_effects
from panel_estimators.ridge import growing, infinitesimal
from panel_estimators.simplex import nearest_mixture
from panel_estimators.synthetic_control import synthetic_control
from panel_estimators.synthetic_did import synthetic_did
from r_random import permutations

CSV = Path(__file__).parent / "data" / "california_prop99.csv"
BEFORE = 1989 - 1970
SEED, REPLICATIONS = 12345, 200  # of the published placebos: vignettes/paper-results.Rmd of the R package synthdid


class Published(NamedTuple):
    """A column of table 1 of Arkhangelsky et al. 2021, American Economic Review 111(12), and the method it names."""

    name: str
    estimate: float
    se: float
    method: Method
    ridge: Callable[[Panel], Ridge]


TABLE = (
    Published("DID", -27.3, 17.7, difference_in_differences, infinitesimal),
    Published("SC", -19.6, 9.9, synthetic_control, infinitesimal),
    Published("SDID", -15.6, 8.4, synthetic_did, growing),
    Published("DIFP", -11.1, 9.5, demeaned_synthetic_control, infinitesimal),
)


class Found(NamedTuple):
    """An estimate and what it finds on each control where nothing happened, (control,)."""

    estimate: float
    placebos: Array

    @property
    def se(self) -> float:
        """Over all controls, each once."""
        return float(self.placebos.std())

    def drawn_se(self, seed: int = SEED, replications: int = REPLICATIONS) -> float:
        """Over controls drawn at random as R draws them: the last of each permutation is the one treated."""
        drawn = [order[-1] for order in islice(permutations(seed, len(self.placebos)), replications)]
        return float(self.placebos[drawn].std())

    def drawn_se_error(self, replications: int = REPLICATIONS) -> float:
        """Monte Carlo standard deviation of `drawn_se`: by the delta method, from the fourth moment."""
        spread = self.placebos - self.placebos.mean()
        return float(np.sqrt(((spread**4).mean() - self.se**4) / replications) / (2 * self.se))


def panel() -> Panel:
    """California and the 38 controls, 1970 to 2000, in packs per person."""
    packs = pd.read_csv(CSV, index_col="Year")
    return Panel(packs.drop(columns="California").to_numpy().T, packs["California"].to_numpy(), BEFORE)


def found(column: Published, solve: Solve, *, placebos: bool = True) -> Found:
    """The estimate of a column of the table with this solver, and its placebos unless they are not wanted."""
    data = panel()
    ridge = column.ridge(data)
    own = effects(data, column.method(data, ridge, solve)).mean()
    others = placebo_effects(data, column.method, ridge, solve).mean(axis=1) if placebos else np.empty(0)
    return Found(float(own), others)


def as_published() -> Solve:
    """The authors' solver, with the tolerance that this panel's noise gives."""
    return partial(stopped_mixture, noise=noise(panel()))


def main() -> None:
    print("| | published | their solver, their draws | exact | sd of a standard error of 200 draws |")
    print("| --- | --- | --- | --- | --- |")
    for column in TABLE:
        theirs, exact = found(column, as_published()), found(column, nearest_mixture)
        cells = [
            column.name,
            f"{column.estimate:.1f} ({column.se:.1f})",
            f"{theirs.estimate:.3f} ({theirs.drawn_se():.3f})",
            f"{exact.estimate:.3f} ({exact.se:.3f})",
            f"{exact.drawn_se_error():.2f}",
        ]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
