"""Universes that a proposal does not answer: it could not be made, or it leaves out a mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.laplace.proposal import NoProposal, Proposal, uncovered
from multiverse.engines.outcome import Outcome, Reason


def modes_missed(keys: Sequence[str], proposals: Iterable[Proposal], log_weights: Floats) -> dict[str, Failure]:
    """By key, what is wrong with those whose draws do not reach a mode that matters. log_weights: (key, draw)."""
    totals = np.logaddexp.reduce(log_weights, axis=1)
    missed = {key: uncovered(of, total) for key, of, total in zip(keys, proposals, totals, strict=True)}
    return {key: Failure(Reason.modes, message) for key, message in missed.items() if message}


def without_draws(batch: Batch, key: str, end: NoProposal, *, late: bool, stopped: str) -> Outcome:
    """The red outcome of a universe without a proposal. late: the time was up. stopped: when, for the message."""
    reason, message = end.reason, end.message
    if late and reason is Reason.mode:
        reason = Reason.time
        message = f"stopped {stopped}; the limit is {batch.wanted.time_limit:g} s"
    return Outcome(key, reason, message, diagnostics={"block": float(batch.block)}, attempt=batch.attempt)
