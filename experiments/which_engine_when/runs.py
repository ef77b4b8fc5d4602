"""What the pictures show, as tables: every number comes from a run of an engine, or from a closed form beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaln, expit, gammaln
from studies import EVENTS, PLACES, SECOND, TRIES, funnel_truth, funnels, rare, slopes, two_modes

import multiverse as mv
from multiverse.engines.reweight.engine import Reweight

DEGREES = 8  # of freedom of the Laplace engine's proposal
CHOSEN = 32  # draws whose weights are drawn


def skewed() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves of the posterior of a rare event on the log odds scale, of its proposal and the weights; and intervals."""
    a, b = 0.5 + EVENTS, 0.5 + TRIES - EVENTS
    z = np.linspace(-12, 1.5, 271)
    exact = np.exp(a * z - (a + b) * np.logaddexp(0, z) - betaln(a, b))
    mode = np.log(a / b)
    sd = 1 / np.sqrt((a + b) * expit(mode) * expit(-mode))
    normal = np.exp(-(((z - mode) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))
    constant = gammaln((DEGREES + 1) / 2) - gammaln(DEGREES / 2) - np.log(DEGREES * np.pi) / 2
    t = np.exp(constant - (DEGREES + 1) / 2 * np.log1p(((z - mode) / sd) ** 2 / DEGREES)) / sd
    curves = {"posterior": exact, "normal at the mode": normal, "proposal": t}
    density = pd.concat([pd.DataFrame({"z": z, "what": name, "density": y}) for name, y in curves.items()])
    density = pd.concat([density, pd.DataFrame({"z": z, "what": "weight", "density": exact / t})])
    results = mv.run(rare, engine=mv.Laplace())
    found = results.table().iloc[0]
    khat = float(results.sql("select khat from diagnostics")["khat"].iloc[0])
    points = np.quantile(_beta_draws(a, b), [0.025, 0.5, 0.975])
    ends = {
        "exact": points,
        "Laplace engine": [found[name] for name in ("q2_5", "median", "q97_5")],
        "normal at the mode": [mode - 1.96 * sd, mode, mode + 1.96 * sd],
    }
    rows = [{"way": way, "low": q[0], "median": q[1], "high": q[2], "khat": khat} for way, q in ends.items()]
    return density, pd.DataFrame(rows)


def _beta_draws(a: float, b: float) -> np.ndarray:
    """Log odds at a fine grid of probabilities: quantiles of the exact posterior."""
    from scipy.stats import beta

    p = beta(a, b).ppf((np.arange(20_000) + 0.5) / 20_000)
    return np.asarray(np.log(p) - np.log1p(-p))


def khats() -> pd.DataFrame:
    """A row for each funnel: k-hat of the Laplace engine, green or red, and how wrong its mean is."""
    results = mv.run(funnels, engine=mv.Laplace())
    told = "select u.width, u.factor, d.khat, u.ok, e.mean, e.mcse_mean from universes u"
    table = results.sql(f"{told} join diagnostics d using (key) join estimates e using (key)").sort_values(
        ["width", "factor"]
    )
    truth = [funnel_truth(float(row.width), float(row.factor)) for row in table.itertuples()]
    mean, sd = np.array(truth).T
    return table.assign(
        error=np.abs(table["mean"] - mean) / sd,
        in_mcse=np.abs(table["mean"] - mean) / table["mcse_mean"],
        expected=table["mcse_mean"] / sd,
        verdict=np.where(table["ok"], "green", "red"),
    )


def anchors() -> pd.DataFrame:
    """A row for each universe and number of anchors allowed: k-hat against them, and whether it is an anchor itself."""
    found = []
    for allowed, name in ((1, "one anchor"), (16, "as many as it takes")):
        results = mv.run(slopes, engine=Reweight(anchors_max=allowed))
        told = "select u.scale, u.degrees, u.ok, d.khat, d.importance_ess, u.engine, d.rhat_max is not null as anchor"
        table = results.sql(f"{told} from universes u join diagnostics d using (key, run, attempt)")
        found.append(table.assign(allowed=name))
    return pd.concat(found)


def audits() -> pd.DataFrame:
    """Draws of the Laplace engine and of the NUTS that audits it, of the two universes with two modes."""
    laplace = mv.run(two_modes, engine=mv.Laplace())
    nuts = mv.run(two_modes, engine=mv.NUTS(start="prior", ladder=()))
    keys = laplace.table().set_index("key")["place"]
    found = []
    for results, who in ((laplace, "Laplace engine"), (nuts, "audit: NUTS from the prior")):
        green = results.table().set_index("key")["ok"]
        draws = results.draws("x")["x"]
        for key, values in zip(draws["universe"].to_numpy(), draws.to_numpy(), strict=True):
            x = np.ravel(values)[:: max(1, values.size // CHOSEN)]
            verdict = "green" if green[key] else "red"
            found.append(pd.DataFrame({"x": x, "who": who, "place": keys[key], "verdict": verdict}))
    return pd.concat(found)


def mode_density() -> pd.DataFrame:
    """The true posteriors of the two universes with two modes."""
    rows = []
    for label, place in PLACES.items():
        x = np.linspace(-8, 53, 306)
        y = (1 - SECOND) * np.exp(-(x**2) / 2) + SECOND * np.exp(-((x - place) ** 2) / 2)
        rows.append(pd.DataFrame({"x": x, "density": y / y.max(), "place": label}))
    return pd.concat(rows)
