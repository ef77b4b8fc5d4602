"""The draws behind answers of a network, with their weights: a store keeps a resample, which has lost them.

A network draws the same again, to the last bit, from the random words of universe and attempt.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import multiverse as mv
from multiverse.answering.trained import trained_networks
from multiverse.engines.amortized.answer import BLOCK
from multiverse.engines.amortized.learning import TRAINING
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import normalised
from multiverse.identity.keys import rng_words
from multiverse.store.part import DIAGNOSTIC
from multiverse.store.row_scan import scan_rows


class Weighed(NamedTuple):
    """Draws (draw,) of each estimand, and their smoothed weights, which sum to 1."""

    draws: dict[str, np.ndarray]
    weights: np.ndarray


def own_answers(results: mv.Results) -> pd.DataFrame:
    """By key, what the network itself said of each universe, before anything was escalated; with the attempt's number.

    Columns: attempt, reason, seconds, khat, ess, ok.
    """
    names = {
        "key": "key",
        "run": "run",
        "purpose": "purpose",
        "attempt": "attempt",
        "reason": "reason",
        "seconds": "seconds",
        f"{DIAGNOSTIC}khat": "khat",
        f"{DIAGNOSTIC}importance_ess": "ess",
    }
    table = scan_rows(results.store, list(names)).to_pandas().rename(columns=names)
    table = table[(table["run"] == results.run) & table["purpose"].isna()]
    return table.assign(ok=table["reason"].isna()).set_index("key").drop(columns=["run", "purpose"])


def training(results: mv.Results) -> pd.DataFrame:
    """A row for each segment of training, in order: seconds and what it said of the network."""
    rows = scan_rows(results.store).to_pandas()
    rows = rows[rows["purpose"] == TRAINING].dropna(axis=1, how="all").sort_values(f"{DIAGNOSTIC}training_steps")
    return rows.rename(columns=lambda name: name.removeprefix(DIAGNOSTIC)).reset_index(drop=True)


def weighed(plan: Any, results: mv.Results, engine: mv.Amortized, own: pd.DataFrame) -> dict[str, Weighed]:
    """By key, of every universe of `own` that is green."""
    import jax

    found: dict[str, Weighed] = {}
    green = own[own["ok"]]
    for network in trained_networks(results.store, plan, engine):
        for place, program in enumerate(network.family.programs):
            keys = sorted(program.members.keys() & set(green.index))
            sites = sites_to_see(Batch("", program, tuple(keys), plan.wanted))
            for i in range(0, len(keys), BLOCK):
                part = keys[i : i + BLOCK]
                filled = [*part, *[part[0]] * (BLOCK - len(part))]
                words = np.array([rng_words(engine.seed, key, green.at[key, "attempt"]) for key in filled], np.uint32)
                with jax.enable_x64(engine.dtype == "float64"):
                    leaves = network.family.opened[place].program.gather(filled, engine.dtype)
                    drawn = network.learner.draw(network.weights, place, sites, leaves, words, engine.draws)
                weights = normalised(smooth(drawn.log_weights.astype(np.float64))[1])
                values = {"mu": drawn.sites["mu"], "tau": drawn.sites["tau"], "school A": drawn.sites["theta"][..., 0]}
                for j, key in enumerate(part):
                    draws = {name: value[j].astype(np.float64) for name, value in values.items()}
                    found[key] = Weighed(draws, weights[j])
    return found
