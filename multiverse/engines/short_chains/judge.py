"""From many short chains to one outcome a universe: as NUTS is judged, but superchains are compared, not chains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.gate import Gate
from multiverse.engines.nested_rhat import nested_rank_rhat
from multiverse.engines.nuts.apart import groups_apart
from multiverse.engines.nuts.block import LaneDraws
from multiverse.engines.nuts.judge import judge
from multiverse.engines.nuts.ladder import SAMPLING
from multiverse.engines.outcome import ESTIMAND, DrawsName, Outcome, Reason

if TYPE_CHECKING:
    from multiverse.engines.short_chains.settings import ShortChains

# No bound of its own: what its judge measures is judged here. A NaN fails even so, and is judged again.
OPEN: Final = Gate(
    rhat_max=math.inf, rhat_local_max=math.inf, divergences_max=math.inf, ess_per_chain=-math.inf, ebfmi_min=-math.inf
)


def judge_short(batch: Batch, lanes: LaneDraws, settings: ShortChains) -> tuple[Outcome, ...]:
    """One outcome for each key of a batch. lanes: axes (universe, superchain x chain, draw, ...).

    Diagnostics are those of NUTS over all chains, and `nested_rhat_max` of estimands, global sites and the log density;
    `nested_rhat_local_max` of sites inside plates, where there are any.
    """
    measured = judge(batch, lanes, settings.nuts(OPEN, chains=settings.lanes))
    return tuple(_judged(batch, lanes, settings, i, outcome) for i, outcome in enumerate(measured))


def _judged(batch: Batch, lanes: LaneDraws, settings: ShortChains, universe: int, outcome: Outcome) -> Outcome:
    answers = {e.name: outcome.draws[str(DrawsName(ESTIMAND, e.name))] for e in batch.wanted.estimands}
    sites = [(site, lanes.sites[site.name][universe]) for site in batch.program.sites.latents]
    whole = [*answers.items(), *((site.name, values) for site, values in sites if not site.is_local)]
    local = [(site.name, values) for site, values in sites if site.is_local]
    found = {"nested_rhat_max": _worst([*whole, ("the log density", lanes.potential[universe])], settings.superchains)}
    if local:
        found["nested_rhat_local_max"] = _worst(local, settings.superchains)
    numbers = {**outcome.diagnostics, **{name: worst.value for name, worst in found.items()}}
    outcome = replace(outcome, diagnostics=numbers)
    if not outcome.ok and outcome.reason.name not in SAMPLING:  # it could not be started, or an estimand failed
        return outcome
    at = {name: worst.quantity for name, worst in found.items()}
    reason, message = settings.gate.judge(numbers, chains=settings.chains, draws=settings.draws, worst=at)
    if reason is Reason.rhat and (apart := _apart(answers, settings)):
        reason, message = Reason.modes, f"{apart}; {message}"
    return replace(outcome, reason=reason, message=message)


class _Worst(NamedTuple):
    value: float
    quantity: str


def _worst(draws: Sequence[tuple[str, np.ndarray]], superchains: int) -> _Worst:
    """The largest nested R-hat, and whose it is; a NaN is larger than any. Draws by name, (lane, draw, ...)."""
    worst = []
    for name, values in draws:
        lanes, length, *shape = values.shape
        scalars = np.moveaxis(values.reshape(superchains, lanes // superchains, length, -1), 3, 0)
        found = nested_rank_rhat(scalars)
        at = int(found.argmax())  # the first NaN, where there is one
        index = f"[{','.join(map(str, np.unravel_index(at, shape)))}]" if shape else ""
        worst.append(_Worst(float(found[at]), name + index))
    return worst[int(np.argmax([of.value for of in worst]))]


def _apart(answers: Mapping[str, np.ndarray], settings: ShortChains) -> str:
    """What shows that superchains are in separate modes; else empty."""
    for name, values in answers.items():
        pooled = np.asarray(values, np.float64).reshape(settings.superchains, -1)
        if (groups := groups_apart(pooled)) > 1:
            return f"{settings.superchains} superchains stay in {groups} places without a common value of {name!r}"
    return ""
