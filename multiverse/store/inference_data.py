"""The kept draws of one universe as an ArviZ object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from multiverse.engines.outcome import DENSITY, ESTIMAND, SITE, DrawsName

if TYPE_CHECKING:
    import arviz as az


def inference_data(draws: Mapping[str, np.ndarray]) -> az.InferenceData:
    """Draws by name (see `DrawsName`) as groups posterior (an estimand hides a site of its name) and sample_stats."""
    import arviz as az

    groups: dict[str, dict[str, Any]] = {ESTIMAND: {}, SITE: {}, DENSITY: {}}
    for text, values in draws.items():
        kind, name = DrawsName.parse(text)
        groups[kind][name] = values
    # ArviZ takes `log_likelihood` for a value of each observation, as LOO needs.
    stats = {name.replace("log_likelihood", "log_likelihood_total"): a for name, a in groups[DENSITY].items()}
    data: az.InferenceData = az.from_dict(posterior={**groups[SITE], **groups[ESTIMAND]}, sample_stats=stats)
    return data
