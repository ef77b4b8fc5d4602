"""The columns of every view, as data. Light to import: the planner asks it which names a decision may not have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Statistics of an estimand, in the order of their columns. Engines may add others; they become further columns.
STATISTICS: Final = (
    "mean",
    "sd",
    "median",
    "q2_5",
    "q25",
    "q75",
    "q97_5",
    "p_positive",
    "mcse_mean",
    "ess",
    "ess_tail",
    "rhat",
)

# Diagnostics of a universe, in the order of their columns. Engines may add others.
DIAGNOSTICS: Final = (
    "rhat_max",
    "rhat_local_max",
    "ess_bulk_min",
    "ess_tail_min",
    "divergences",
    "ebfmi_min",
    "tree_depth_hits",
    "steps_mean",
    "accept_mean",
    "step_size",
    "log_density_mean",
    "khat",
    "importance_ess",
    "log_marginal",
    "log_marginal_mcse",
    "log_ratio",
    "log_ratio_mcse",
    "log_ratio_of",
    "anchors",
    "newton_steps",
    "modes",
    "heavy_locals",
    "locals_short",
    "audit_z",
    "distance_p",
    "disagreement",
    "density_known",
    "calibration_p",
    "held_out_green",
    "held_out_ess",
    "tuned_green",
    "tuned_ess",
    "held_out_loss",
    "training_loss",
    "training_steps",
    "training_simulations",
    "nested_rhat_max",
    "nested_rhat_local_max",
    "start_power",
    "block",
)

DECISIONS: Final = "<decisions>"  # stands for one VARCHAR column for each decision
FLOATS: Final = "FLOAT[]"  # DOUBLE[] where a run kept draws in float64

_WHO: Final = {"key": "VARCHAR", "run": "VARCHAR"}
_NUMBERS: Final = "DOUBLE"

# View -> column -> DuckDB type, in order. docs/schema.md says what each means; a test compares all three.
VIEWS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "universes": {
            **_WHO,
            DECISIONS: "VARCHAR",
            "reference": "BOOLEAN",
            "engine": "VARCHAR",
            "ok": "BOOLEAN",
            "reason": "VARCHAR",
            "attempt": "INTEGER",
            "final": "BOOLEAN",
            "escalated": "VARCHAR",
            "program": "VARCHAR",
            "rows_kept": "BIGINT",
            "seconds": "DOUBLE",
            "finished": "TIMESTAMP",
            "host": "VARCHAR",
            "batch": "VARCHAR",
            "same_as": "VARCHAR",
            "verified_by": "VARCHAR",
        },
        "estimates": {
            **_WHO,
            DECISIONS: "VARCHAR",
            "reference": "BOOLEAN",
            "ok": "BOOLEAN",
            "estimand": "VARCHAR",
            "interval": "VARCHAR",
            **dict.fromkeys(STATISTICS, _NUMBERS),
            "verified_by": "VARCHAR",
        },
        "diagnostics": {
            **_WHO,
            "engine": "VARCHAR",
            "attempt": "INTEGER",
            "final": "BOOLEAN",
            "ok": "BOOLEAN",
            **dict.fromkeys(DIAGNOSTICS, _NUMBERS),
        },
        "failures": {
            **_WHO,
            DECISIONS: "VARCHAR",
            "reason": "VARCHAR",
            "message": "VARCHAR",
            "mend": "VARCHAR",
            "traceback": "VARCHAR",
            "attempt": "INTEGER",
        },
        "planned": {
            **_WHO,
            DECISIONS: "VARCHAR",
            "reference": "BOOLEAN",
            "program": "VARCHAR",
            "rows_kept": "BIGINT",
            "answered": "BOOLEAN",
        },
        "options": {
            "decision": "VARCHAR",
            "kind": "VARCHAR",
            "position": "INTEGER",
            "label": "VARCHAR",
            "why": "VARCHAR",
            "plausibility": "DOUBLE",
            "reference": "BOOLEAN",
        },
        "draws": {
            **_WHO,
            "kind": "VARCHAR",
            "site": "VARCHAR",
            "element": "INTEGER",
            "chain": "INTEGER",
            "draws": FLOATS,
        },
        "manifest": {
            "run": "VARCHAR",
            "section": "VARCHAR",
            "name": "VARCHAR",
            "value": "VARCHAR",
        },
    }
)

RESERVED_COLUMNS: Final[frozenset[str]] = frozenset(
    column for columns in VIEWS.values() for column in columns if column != DECISIONS
)
"""Names no decision may have, in lower case: SQL does not tell `Mean` from `mean`, so compare in lower case."""
