"""How a simulated data set was answered, whoever answered it, and the table that all checks read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from multiverse.calibration.placed import Floats, placed
from multiverse.calibration.simulations import COLUMNS, Simulations
from multiverse.engines.diagnostics import ess_bulk
from multiverse.identity.keys import rng_words
from multiverse.planning.simulated_plan import Prior, SimulatedPlan
from multiverse.progress import Progress

UNANSWERED: Final = "not answered"  # the reason of a data set that a source gave nothing for
TIES: Final = -1  # the attempt that the random numbers breaking ties are those of; truths and engines have others


class Answer(NamedTuple):
    """The posterior of one simulated data set.

    key: of the data set. draws: by quantity, (draw,) or (chain, draw); empty where nothing was drawn. ok, reason: as
    the gate judged it. engine: who drew. answers: under which name it is judged; a network gives two answers to each
    data set, its own draws and the corrected ones, and they are kept apart by it. log_weights: (draw,), where draws
    have unequal weight. ess: how many independent draws these are worth, where that is known.
    """

    key: str
    draws: Mapping[str, np.ndarray]
    answers: str
    ok: bool = True
    reason: str = ""
    engine: str = ""
    log_weights: Floats | None = None
    ess: float | None = None


Source = Callable[[SimulatedPlan, Progress], Iterable[Answer]]
"""Anything that answers simulated data sets, in any order, one after another: an engine in its usual sweep, or a
network that answers thousands in a second. What it leaves out is counted as not answered."""


def tabulated(simulated: SimulatedPlan, answers: Iterable[Answer], *, seed: int = 0) -> Simulations:
    """Where the truth of each data set lies in its answer. seed: of the numbers that break ties."""
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    seen: dict[str, set[str]] = {}
    for answer in answers:
        seen.setdefault(answer.answers, set()).add(answer.key)
        _add(columns, simulated, answer, seed)
    for name, keys in seen.items():
        for key in simulated.origins.keys() - keys:
            _add(columns, simulated, Answer(key, {}, name, ok=False, reason=UNANSWERED), seed)
    space = simulated.of.study.space.decisions
    of_data = simulated.plan.universes
    table = pd.DataFrame(columns)
    for decision in space:
        table[decision] = pd.Series([of_data[key].get(decision) for key in columns["key"]], dtype=object)
    labels = {name: tuple(option.label for option in decision.options) for name, decision in space.items()}
    names = tuple(quantity.name for quantity in simulated.quantities)
    order = {name: i for i, name in enumerate(seen)}
    table = table.sort_values(
        ["answers", "key"], kind="stable", key=lambda c: c.map(order) if c.name == "answers" else c, ignore_index=True
    )
    return Simulations(table, labels, names, simulated.declined)


def _add(columns: dict[str, list[Any]], simulated: SimulatedPlan, answer: Answer, seed: int) -> None:
    """A row for each quantity that the data set has a truth of."""
    origin, truths = simulated.origins[answer.key], simulated.truths[answer.key]
    quantities = [quantity for quantity in simulated.quantities if quantity.name in truths]
    uniform = np.random.default_rng(rng_words(seed, answer.key, TIES)).uniform(size=len(quantities))
    drawn = [i for i, quantity in enumerate(quantities) if quantity.name in answer.draws]
    numbers = np.full((4, len(quantities)), np.nan)
    if drawn:
        names = [quantities[i].name for i in drawn]
        draws = np.stack([np.atleast_2d(answer.draws[name]) for name in names]).astype(np.float64)  # (q, chain, draw)
        worth = np.full(len(names), answer.ess) if answer.ess is not None else None
        if worth is None and answer.log_weights is None:
            worth = ess_bulk(draws)
        truth = np.array([truths[name] for name in names])
        numbers[:, drawn] = placed(
            truth, draws.reshape(len(names), -1), uniform[drawn], ess=worth, log_weights=answer.log_weights
        )
    priors = simulated.priors[origin.universe]
    for quantity, place, ess, mean, sd in zip(quantities, *numbers.tolist(), strict=True):
        prior = priors.get(quantity.name, Prior(np.nan, np.nan))
        row = (
            *(answer.answers, answer.key, *origin, answer.ok, answer.reason, answer.engine),
            *(quantity.name, quantity.kind, truths[quantity.name], place, ess, mean, sd, *prior),
        )
        for name, value in zip(COLUMNS, row, strict=True):
            columns[name].append(value)
