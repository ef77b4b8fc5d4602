"""Ratios of marginal likelihoods between universes of a family, and between which of them they mean something.

The normalisers of anchors are known up to a common factor, so are those of all that is weighed against them: what is
told is the log marginal likelihood less that of the first anchor. Between two universes that observe the same values
the difference is a Bayes factor; a number says which these are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.reweight.anchor import Anchor
from multiverse.engines.reweight.mbar import OVERLAP_MIN, Mixture
from multiverse.engines.weighing.weighted import normalised
from multiverse.planning.observed_data import Observed, observed_data
from multiverse.planning.program import Program

AT_ONCE: Final = 10_000  # universes of a program that are looked at together
REMEMBERED: Final = 100_000  # universes of a process
DIGITS: Final = 12  # hexadecimal, of a number that a double holds exactly

_OBSERVED: dict[str, Observed] = {}  # by universe key: what a universe observes is in its key


def ratios(
    program: Program, keys: Sequence[str], log_weights: Floats, mix: Mixture, anchors: Sequence[Anchor]
) -> dict[str, Floats]:
    """`log_ratio`, `log_ratio_mcse` (nats) and `log_ratio_of` of some universes, (universe,).

    NaN where a model has no marginal likelihood (see `observed_data`), and where too few draws link a universe with the
    first anchor for a ratio to be known.

    log_weights: (universe, draw), against the mixture of the anchors. log_ratio_of: a number that universes share whose
    `log_ratio` may be subtracted from each other: those with the same first anchor and the same observed values.
    """
    top = log_weights.max(axis=1)
    with np.errstate(all="ignore"):
        value = top + np.log(np.exp(log_weights - top[:, None]).mean(axis=1))
        weights = normalised(log_weights)
        error = np.sqrt(mix.variance(weights, minus=0))
        known = mix.belongs(weights)[:, mix.linked].sum(axis=1) > 1 - OVERLAP_MIN
    seen = observed(program, keys)
    first = anchors[0]
    proper = bool(observed(first.program, [first.key])[first.key].fingerprint)
    told = np.array([proper and bool(seen[key].fingerprint) for key in keys])
    of = [_number(f"{first.draws.id} {seen[key].fingerprint}") for key in keys]
    numbers = {"log_ratio": value, "log_ratio_mcse": error, "log_ratio_of": np.array(of)}
    return {name: np.where(told & known, values, np.nan) for name, values in numbers.items()}


def observed(program: Program, keys: Sequence[str]) -> Mapping[str, Observed]:
    """What some universes of a program observe, by key; remembered."""
    known = {key: seen for key in keys if (seen := _OBSERVED.get(key)) is not None}
    if missing := [key for key in keys if key not in known]:
        few = len(program.members) > AT_ONCE  # else all of them, as the model is traced each time
        known |= observed_data(
            replace(program, members={key: program.members[key] for key in missing}) if few else program
        )
        if len(_OBSERVED) > REMEMBERED:
            _OBSERVED.clear()
        _OBSERVED.update(known)
    return known


def _number(text: str) -> float:
    return float(int(hashlib.sha256(text.encode()).hexdigest()[:DIGITS], 16))
