"""California's Proposition 99: how many packs of cigarettes fewer a year did each Californian buy?

39 states, 1970 to 2000 (Abadie, Diamond & Hainmueller 2010). The first option of each decision is the analysis that
Arkhangelsky, Athey, Hirshberg, Imbens & Wager 2021 recommend: -15.6 packs. No model, no draws: a function of the data.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from panel_estimators.demeaned_synthetic_control import demeaned_synthetic_control
from panel_estimators.difference_in_differences import difference_in_differences
from panel_estimators.panel import Panel, effects
from panel_estimators.placebo import placebo_effects
from panel_estimators.ridge import growing, infinitesimal
from panel_estimators.simplex import nearest_mixture
from panel_estimators.synthetic_control import synthetic_control
from panel_estimators.synthetic_did import synthetic_did

import multiverse as mv

FIRST_TREATED = 1989
COMMON_END = 1994  # these years are after treatment in every universe
TOBACCO = ["Georgia", "Kentucky", "North Carolina", "South Carolina", "Tennessee", "Virginia"]
SIMILAR = 20.0  # packs a person and year: the 19 states nearest to California are within it


def load():
    return pd.read_csv(Path(__file__).parent / "data" / "california_prop99.csv", index_col="Year")


# ------------------------------------------------------------------------------------------------- preprocessing
def all_states(packs):
    return packs


def without_nevada(packs):
    return packs.drop(columns="Nevada")


def without_tobacco_states(packs):
    return packs.drop(columns=TOBACCO)


def states_of_similar_level(packs):
    level = packs.loc[1980:1988].mean()
    return packs.loc[:, (level - level["California"]).abs() <= SIMILAR]


def prepare(raw, *, donors, first_year, last_year):
    packs = donors(raw).loc[first_year:last_year]
    return {
        "controls": packs.drop(columns="California").to_numpy().T,
        "california": packs["California"].to_numpy(),
        "before": FIRST_TREATED - first_year,
    }


# ------------------------------------------------------------------------------------------------- analysis
def estimate(data, *, method, ridge, scale):
    """The effect in packs: over all treated years, and over those that all universes share."""
    before, california = data["before"], data["california"]
    transform = np.log if scale == "log" else np.asarray
    panel = Panel(transform(data["controls"]), transform(california), before)
    # Difference-in-differences fits no weights, and SDID is defined with the ridge that grows.
    strength = (ridge or growing)(panel)
    effect = effects(panel, method(panel, strength, nearest_mixture))
    placebos = placebo_effects(panel, method, strength, nearest_mixture)
    if scale == "log":
        # Back to packs: California's counterfactual, times what the effect or the error on the log scale does to it.
        counterfactual = california[before:] * np.exp(-effect)
        effect, placebos = california[before:] - counterfactual, counterfactual * np.expm1(placebos)
    shared = COMMON_END - FIRST_TREATED + 1
    return {
        name: mv.Estimate(effect[:years].mean(), se=placebos[:, :years].mean(axis=1).std())
        for name, years in {"all years": panel.after, "1989 to 1994": shared}.items()
    }


# ------------------------------------------------------------------------------------------------- the space
space = mv.Space(
    method=mv.decision(
        "estimator",
        {
            "SDID": synthetic_did,
            "DID": difference_in_differences,
            "SC": synthetic_control,
            "demeaned SC": demeaned_synthetic_control,
        },
        why={
            "SDID": "weights on states and on years: Arkhangelsky et al. 2021",
            "DID": "no weights to choose; needs parallel trends of all states",
            "SC": "a mixture of states with California's level: Abadie et al. 2010",
            "demeaned SC": "a mixture with California's trend: Doudchenko & Imbens 2016, Ferman & Pinto 2021",
        },
    ),
    ridge=mv.decision(
        "estimator",
        {"infinitesimal": infinitesimal, "as SDID's": growing},
        why={
            "infinitesimal": "as synthetic control is defined",
            "as SDID's": "more states with smaller weights, so less of their noise: the authors' regularized variants",
        },
    ),
    scale=mv.decision(
        "outcome",
        {"packs": "packs", "log packs": "log"},
        why={"log packs": "states that smoke more lose more packs to the same cause; the effect is put back to packs"},
    ),
    donors=mv.preprocessing(
        {
            "all 38": all_states,
            "without Nevada": without_nevada,
            "without tobacco states": without_tobacco_states,
            "similar level": states_of_similar_level,
        },
        why={
            "all 38": "as published: states without a programme or a large tax rise of their own",
            "without Nevada": "the only neighbour left: Californians can buy there, and its visitors do",
            "without tobacco states": "the six that grow nine tenths of the tobacco tax it least and sell to others",
            "similar level": "within 20 packs of California in 1980 to 1988: 19 states, no extrapolation",
        },
    ),
    first_year=mv.preprocessing(
        {"1970": 1970, "1975": 1975, "1980": 1980},
        why={
            "1970": "as published: all years there are",
            "1975": "cigarette advertisements left radio and television in 1971: another market before",
            "1980": "a decade before treatment; Abadie et al. average their predictors from 1980 on",
        },
    ),
    last_year=mv.preprocessing(
        {"2000": 2000, "1998": 1998, "1994": 1994},
        why={
            "2000": "as published: all years there are",
            "1998": "the settlement of November 1998 raised prices in all states",
            "1994": "workplaces went smoke-free in 1995: from then on it is the effect of two laws",
        },
    ),
).only_when("ridge", lambda method: method in ("SC", "demeaned SC"))

study = mv.Study(
    name="proposition 99",
    data=load,
    prepare=prepare,
    estimate=estimate,
    estimands=("all years", "1989 to 1994"),
    space=space,
)
