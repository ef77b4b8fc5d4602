"""The outcomes of a batch that could not be fitted."""

from __future__ import annotations

import traceback

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason


def failed(batch: Batch, error: BaseException) -> tuple[Outcome, ...]:
    """The outcomes of a batch that raised as a whole."""
    text = "".join(traceback.format_exception(error))
    message = f"{type(error).__name__}: {error}"
    return tuple(
        Outcome(key=key, reason=Reason.error, message=message, traceback=text, attempt=batch.attempt)
        for key in batch.keys
    )
