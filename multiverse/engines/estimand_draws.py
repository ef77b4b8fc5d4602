"""What an estimand is in each draw of one universe, and what went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Reason
from multiverse.planning.estimand import NotANumberADraw


class Failure(NamedTuple):
    """Why a universe is red: a reason, what was seen, and the traceback of an exception."""

    reason: Reason
    message: str
    traceback: str = ""


def estimand_draws(
    batch: Batch, key: str, sites: Mapping[str, np.ndarray], counts: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], Failure | None]:
    """Draws of each estimand, (chain, draw), and what went wrong: NaN stands where an estimand failed.

    sites: draws by site, (chain, draw, *site shape). counts: (chain, draw) which draws must give finite numbers; None
    for all.
    """
    chains, draws = next(iter(sites.values())).shape[:2]
    flat = {name: values.reshape(chains * draws, *values.shape[2:]) for name, values in sites.items()}
    data, values = batch.program.data(key), batch.program.option_values(key)
    answers: dict[str, np.ndarray] = {}
    failure: Failure | None = None
    for estimand in batch.wanted.estimands:
        try:
            answer = estimand(flat, data, values).reshape(chains, draws)
        except Exception as error:
            answer = np.full((chains, draws), np.nan, np.float32)
            raised = "" if isinstance(error, NotANumberADraw) else f"raised {type(error).__name__}: "
            message = f"the estimand {estimand.name!r} {raised}{error}"
            failure = failure or Failure(Reason.estimand, message, traceback.format_exc())
        else:
            looked_at = answer if counts is None else answer[counts]
            if bad := int((~np.isfinite(looked_at)).sum()):
                message = f"the estimand {estimand.name!r} is not finite in {bad} of {looked_at.size} draws"
                failure = failure or Failure(Reason.estimand, message)
        answers[estimand.name] = answer
    return answers, failure
