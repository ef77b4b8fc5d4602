"""What one universe gave: estimand draws, estimates, diagnostics, and a reason if it may not be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

# The kinds of draws; see `DrawsName`.
ESTIMAND, SITE, DENSITY = "estimand", "site", "density"


class Reason(StrEnum):
    """Why a universe may not be trusted: the name is the stable code that SQL shows, the value what a person reads.

    `Reason.ok` is the empty, and only false, one. Names are never reused or renamed: stored parts hold them.
    """

    ok = ""
    rhat = (
        "The chains disagree (R-hat above its gate). "
        "Draw longer, warm up longer, or try another parameterization of this model."
    )
    ess = (
        "Too few effective draws (ESS below its gate): the chains agree, but mix slowly. "
        "Draw longer, or try another parameterization."
    )
    khat = (
        "The importance weights cannot be relied on (Pareto k-hat above its gate): few draws carry nearly all weight, "
        "as the posterior is not shaped like what they were drawn from. "
        "Answer it with NUTS, or try another parameterization."
    )
    reach = (
        "The priors of this universe allow values that no sampled universe could have visited, so nothing is known of "
        "its posterior there. Answer it with NUTS, or let more universes be sampled (`Reweight(anchors_max=...)`)."
    )
    mode = (
        "No mode to approximate the posterior at was found, or draws could not be led there. "
        "Answer it with NUTS; look for a flat or unbounded posterior."
    )
    modes = (
        "The posterior has several modes, and draws do not move between them. "
        "How much mass each has is not known: look for parameters that may change places, or order them in the prior."
    )
    curvature = (
        "The Hessian at the mode is not positive definite: the posterior is flat there, or has no normal shape. "
        "Answer it with NUTS; look for parameters that the data and the priors do not tell apart."
    )
    distance = (
        "The data are unlike those that this universe simulates (p-value of their distance below its level), so what a "
        "network learnt from simulations says little of them. "
        "Answer it with NUTS, and look whether the model could have made these data at all."
    )
    calibration = (
        "The network is not calibrated: among its draws the true parameters of held-out simulations do not rank "
        "uniformly. Train it longer (`Amortized(training=Schedule(steps=...))`), or on more simulations."
    )
    disagreement = (
        "Networks that learnt from the same simulations disagree, so what one of them says cannot be relied on. "
        "Train them longer; look for parameters that the data do not tell apart."
    )
    structure = (
        "The model has not the structure that this engine needs: the message says what is missing. "
        "Answer it with another engine, such as NUTS."
    )
    divergences = (
        "Divergent transitions: the sampler could not follow the posterior's curvature, so its draws may be biased. "
        "Raise target_accept, write hierarchical sites non-centered, or give scales a prior away from zero."
    )
    ebfmi = (
        "The energy mixes slowly (E-BFMI below its gate): the tails may not have been explored. "
        "Try another parameterization, or priors with lighter tails."
    )
    stuck = (
        "A chain did not move. "
        "Warm up longer, or look for a density that is flat, discontinuous or nearly singular here."
    )
    not_finite = (
        "The log density or its gradient is not finite where sampling has to start or go. "
        "Look for a logarithm or square root of zero, a division by zero, or data outside the likelihood's support."
    )
    estimand = (
        "An estimand raised an exception, or is not a finite number for some draws. "
        "Guard its divisions and logarithms, or report a quantity that exists for every draw."
    )
    prepare = (
        "The data could not be prepared: preprocessing raised an exception, or left nothing that can be analysed. "
        "Mend it for these options, or forbid this combination of options."
    )
    model = (
        "The model cannot be called with the prepared data and the options of this universe. "
        "Mend it for these options, or forbid this combination of options."
    )
    time = (
        "The universe took longer than its time limit. "
        "Give it more time and answer it again (`time_limit=` with `retry='failures'`), or look for what makes it slow."
    )
    crash = (
        "The process that answered this universe died: it was killed, ran out of memory, or crashed in compiled code. "
        "Answer it again with fewer processes side by side (`retry='failures'`), or look for what is too large."
    )
    error = (
        "The study's own code raised an exception in this universe. "
        "The traceback in the view `failures` says where; mend it there, or forbid this combination of options."
    )


class DrawsName(NamedTuple):
    """The name of one array of draws: a kind, a slash, and a name that may itself hold slashes.

    `estimand/NAME`  draws of an estimand, (chain, draw)
    `site/NAME`      draws of a kept latent or deterministic site, (chain, draw, *site shape)
    `density/NAME`   per-draw parts of the log density, (chain, draw): `log_prior` and `log_likelihood`, in nats

    A kind is always written, so an estimand may bear the name of a site, and a site may be called `log_prior`.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> DrawsName:
        """The two parts of `"site/level"`. Raises ValueError if no kind is written before a slash."""
        kind, slash, name = text.partition("/")
        if not slash or kind not in (ESTIMAND, SITE, DENSITY):
            raise ValueError(
                f"draws named {text!r} have no kind: write 'estimand/{text}', 'site/{text}' or 'density/{text}'"
            )
        return cls(kind, name)


class Interval(StrEnum):
    """Which kind of interval the quantiles of an estimate span."""

    credible = "credible"  # quantiles of posterior draws
    confidence = "confidence"  # estimate -+ standard error x quantile of Student's t, or of the normal
    none = "none"  # a number alone: the analysis told no uncertainty


LOG_PRIOR: Final = str(DrawsName(DENSITY, "log_prior"))
LOG_LIKELIHOOD: Final = str(DrawsName(DENSITY, "log_likelihood"))


@dataclass(frozen=True, eq=False)
class Outcome:
    """One attempt at one universe.

    key: the universe's key.
    reason: `Reason.ok` where every gate passed (green), else why not (red). A red outcome keeps what it has.
    message: what exactly was seen, such as `"R-hat 1.04 for 'effect'"`; `traceback` that of an exception.
    draws: name (see `DrawsName`) -> float array (chain, draw, *site shape); empty where nothing could be drawn.
    estimates: estimand -> statistic -> number. Statistics with a column of their own are in
        `multiverse.store.schema.STATISTICS`; others are kept and become columns too. NaN says: not defined.
    intervals: estimand -> which kind of interval its quantiles span; credible where absent.
    diagnostics: name -> number, as above with `DIAGNOSTICS`.
    seconds: wall time of this universe's share of its batch.
    attempt: 1 for the first try; final: no further try will follow by itself.
    escalated: why an engine before this one did not answer the universe; empty where this one was the first.
    handed: name -> array, what other batches read of this outcome (`Batch.reads`); kept apart from draws, and nobody's
        answer.
    engine, batch, purpose: who made it, and what for (`Batch.purpose`); filled in by whoever publishes it.

    Outcomes compare by identity, as arrays have no single truth value.
    """

    key: str
    reason: Reason = Reason.ok
    message: str = ""
    traceback: str = ""
    draws: Mapping[str, np.ndarray] = field(default_factory=dict)
    estimates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    attempt: int = 1
    final: bool = True
    escalated: str = ""
    handed: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    engine: str = ""
    batch: str = ""
    purpose: str = ""

    @property
    def ok(self) -> bool:
        """Whether the universe passed every gate (green)."""
        return self.reason is Reason.ok

    def light(self) -> Outcome:
        """The same without its draws and what it hands on: small enough to send to a driver by the thousand."""
        return replace(self, draws={}, handed={})
