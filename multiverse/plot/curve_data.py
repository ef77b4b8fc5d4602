"""What the specification curve shows, as tables: universes by rank, options by decision, the density of the medians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.aggregate.attribution import Attribution, attribution
from multiverse.aggregate.estimates import NUMBERS, DecisionInfo, Estimates
from multiverse.aggregate.intervals import Kinds, kinds_of
from multiverse.aggregate.printing import number
from multiverse.aggregate.summary import Summary, summarise
from multiverse.errors import Problem, ResultError

DENSITY_LEAST = (
    10  # green universes below which a density of medians would show the bandwidth, not the data; our choice
)
DENSITY_POINTS = 128  # places at which the density is given: finer than a point on paper at 130 points of height
ROUNDING = 1e-12  # differences below this part of the values are rounding of float64
BANDWIDTH = 0.9  # Silverman 1986, Density Estimation, section 3.4.2: 0.9 min(sd, IQR / 1.34) n^(-1/5)


@dataclass(frozen=True, eq=False)
class CurveData:
    """Tables behind one specification curve.

    `universes`, sorted by (median, key): rank (from 1), key, the decisions (None where inactive), reference, ok,
    reason, interval, the numbers of `Estimates`, verdict (where the 95% interval, or a number without one, lies against
    `threshold`: the three words of `verdicts`). `heads`, a row per decision drawn, the most influential first:
    decision, kind, share (of the variance between universes, NaN if unknown), options (how many).
    `options`, a row per option in that order: decision, label, reference (is it the reference option), universes (how
    many drawn ones have it), shift (mean median of green universes with it less that of green universes with the
    decision's other options; NaN where there are none of either). `density`: value, density of the green medians;
    empty below DENSITY_LEAST universes. `fixed`: decisions with one option, not drawn. `summary` and `attribution`:
    the numbers the figure and its caption name.
    """

    estimand: str
    universes: pd.DataFrame
    heads: pd.DataFrame
    options: pd.DataFrame
    density: pd.DataFrame
    threshold: float
    fixed: tuple[str, ...]
    summary: Summary
    attribution: Attribution

    @property
    def kinds(self) -> Kinds:
        """The kinds of interval of all universes drawn."""
        return kinds_of(self.universes)


def ends(universes: pd.DataFrame) -> pd.DataFrame:
    """The ends of each 95% interval, q2_5 and q97_5; the number itself, twice, where there is no interval."""
    return pd.DataFrame({name: universes[name].fillna(universes["median"]) for name in ("q2_5", "q97_5")})


def sides(universes: pd.DataFrame, threshold: float) -> np.ndarray:
    """-1, 0 or 1 for each universe: its `ends` are below the threshold, hold it, are above."""
    reach = ends(universes)
    side: np.ndarray = (reach["q2_5"] > threshold).to_numpy(int) - (reach["q97_5"] < threshold).to_numpy(int)
    return side


def verdicts(threshold: float) -> tuple[str, str, str]:
    """The three places of a 95% interval (or number) against the threshold, in words: below, holding it, above."""
    where = "zero" if threshold == 0 else number(threshold)
    return f"below {where}", f"holds {where}", f"above {where}"


def curve_data(estimates: Estimates, shares: Attribution | None = None, *, threshold: float = 0.0) -> CurveData:
    """The tables of the specification curve: every universe that has numbers, green or red, by the rank of its median.

    shares: the attribution of these estimates, if it is at hand; threshold: the value that intervals are compared
    with, on the estimand's scale. Raises ResultError if no universe has numbers or the threshold is not a finite
    number.
    """
    rows = estimates.with_numbers
    problems = []
    if rows.empty:
        asked = f"{estimates.counts}"
        problems.append(
            Problem(f"no universe has numbers ({asked})", "at least one", "see results.failures() for the reasons")
        )
    if not np.isfinite(threshold):
        problems.append(Problem(f"threshold is {threshold!r}", "a finite number", "curve(threshold=0.0)"))
    if problems:
        raise ResultError(problems)
    shares = attribution(estimates) if shares is None else shares
    drawn = [name for name, info in estimates.decisions.items() if len(info.labels) > 1]
    order = sorted(drawn, key=lambda name: -np.nan_to_num(shares.share(name), nan=-1.0))
    heads = pd.DataFrame(
        [(n, estimates.decisions[n].kind, shares.share(n), len(estimates.decisions[n].labels)) for n in order],
        columns=["decision", "kind", "share", "options"],
    )
    return CurveData(
        estimates.estimand,
        _universes(rows, list(estimates.decisions), threshold),
        heads,
        _options(rows, {name: estimates.decisions[name] for name in order}),
        density(estimates.green["median"].to_numpy()),
        float(threshold),
        tuple(name for name in estimates.decisions if name not in drawn),
        summarise(estimates),
        shares,
    )


def _universes(rows: pd.DataFrame, decisions: list[str], threshold: float) -> pd.DataFrame:
    table = rows.sort_values(["median", "key"], kind="stable", ignore_index=True)
    verdict = np.array(verdicts(threshold))[sides(table, threshold) + 1]
    columns = ["key", *decisions, "reference", "ok", "reason", "interval", *NUMBERS]
    table = table[columns].assign(verdict=verdict)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _options(rows: pd.DataFrame, decisions: dict[str, DecisionInfo]) -> pd.DataFrame:
    green = rows[rows["ok"]]
    out = []
    for name, info in decisions.items():
        drawn = rows[name].value_counts()
        groups = green.groupby(name)["median"].agg(["sum", "size"]).reindex(list(info.labels), fill_value=0)
        mine, size = groups["sum"].to_numpy(dtype=float), groups["size"].to_numpy(dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = mine / size - (mine.sum() - mine) / (size.sum() - size)
        shift[np.abs(shift) < ROUNDING * np.abs(green["median"]).max()] = 0.0
        out += [
            (name, label, label == info.reference, int(drawn.get(label, 0)), move)
            for label, move in zip(info.labels, shift, strict=True)
        ]
    return pd.DataFrame(out, columns=["decision", "label", "reference", "universes", "shift"])


def density(medians: np.ndarray) -> pd.DataFrame:
    """Gaussian kernel density of the medians on DENSITY_POINTS even places three bandwidths beyond them: value,
    density.

    Empty with fewer than DENSITY_LEAST medians or where they do not differ. Rule of the bandwidth: Silverman 1986,
    3.4.2.
    """
    empty = pd.DataFrame({"value": np.zeros(0), "density": np.zeros(0)})
    if len(medians) < DENSITY_LEAST:
        return empty
    q25, q75 = np.quantile(medians, [0.25, 0.75])
    sd = float(medians.std(ddof=1))
    spread = min(sd, (q75 - q25) / 1.34) or sd
    width = BANDWIDTH * spread * len(medians) ** -0.2
    if not width > ROUNDING * max(1e-300, float(np.abs(medians).max())):  # equal but for rounding
        return empty
    low, high = medians.min() - 3 * width, medians.max() + 3 * width
    places = np.linspace(low, high, DENSITY_POINTS)
    # medians are first counted in bins an eighth of a bandwidth wide, so that 10^5 of them cost as little as 10^3
    edges = np.linspace(low, high, int(min(8 * (high - low) / width, 4096)) + 1)
    weight, _ = np.histogram(medians, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    kernel = np.exp(-0.5 * ((places[:, None] - middle) / width) ** 2)
    return pd.DataFrame({"value": places, "density": kernel @ weight / (len(medians) * width * np.sqrt(2 * np.pi))})
