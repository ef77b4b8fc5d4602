"""Run every defensible version of a Bayesian analysis, and report the distribution of results.

The names below are the whole public interface, in the order of the story. They load on first use, so that importing
`multiverse`, or asking the command for help, does not wait for JAX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from multiverse.arithmetic import forgo_fused_arithmetic, forgo_wrong_sums

if TYPE_CHECKING:
    from multiverse.aggregate.stop_when import StopWhen as StopWhen
    from multiverse.answering.answer import Answer as Answer
    from multiverse.answering.load import load_network as load_network
    from multiverse.answering.network import Network as Network
    from multiverse.calibrating.calibrate import calibrate as calibrate
    from multiverse.calibrating.calibration import Calibration as Calibration
    from multiverse.design import designs as designs
    from multiverse.engines.amortized.consistency import Consistency as Consistency
    from multiverse.engines.amortized.engine import Amortized as Amortized
    from multiverse.engines.amortized.gate import NetworkGate as NetworkGate
    from multiverse.engines.amortized.learning import Goal as Goal
    from multiverse.engines.amortized.training import Schedule as Schedule
    from multiverse.engines.amortized.tuning import Tuning as Tuning
    from multiverse.engines.auto.audit import Audit as Audit
    from multiverse.engines.auto.engine import Auto as Auto
    from multiverse.engines.forecast import forecast as forecast
    from multiverse.engines.functions.engine import Function as Function
    from multiverse.engines.gate import Gate as Gate
    from multiverse.engines.gate import WeightsGate as WeightsGate
    from multiverse.engines.laplace.engine import Laplace as Laplace
    from multiverse.engines.nested.engine import NestedLaplace as NestedLaplace
    from multiverse.engines.nuts.engine import NUTS as NUTS
    from multiverse.engines.nuts.ladder import Rung as Rung
    from multiverse.engines.reweight.engine import Reweight as Reweight
    from multiverse.engines.short_chains.gate import ShortChainsGate as ShortChainsGate
    from multiverse.engines.short_chains.settings import ShortChains as ShortChains
    from multiverse.engines.warm_nuts.engine import WarmNUTS as WarmNUTS
    from multiverse.errors import MultiverseError as MultiverseError
    from multiverse.estimate import Estimate as Estimate
    from multiverse.executors.local import Local as Local
    from multiverse.executors.ray_cluster.executor import Ray as Ray
    from multiverse.interchange.from_astra import from_astra as from_astra
    from multiverse.interchange.from_toml import from_toml as from_toml
    from multiverse.interchange.to_astra import to_astra as to_astra
    from multiverse.interchange.to_toml import to_toml as to_toml
    from multiverse.linting.lint import Lint as Lint
    from multiverse.linting.lint import lint as lint
    from multiverse.planning.build import plan as plan
    from multiverse.planning.plan import Plan as Plan
    from multiverse.plot.tree_figure import decision_tree as decision_tree
    from multiverse.results import Results as Results
    from multiverse.results import load as load
    from multiverse.row_plate import rows as rows
    from multiverse.space.condition import When as When
    from multiverse.space.continuous import between as between
    from multiverse.space.decision import Decision as Decision
    from multiverse.space.decision import decision as decision
    from multiverse.space.decision import likelihood as likelihood
    from multiverse.space.decision import parameterization as parameterization
    from multiverse.space.decision import preprocessing as preprocessing
    from multiverse.space.decision import prior as prior
    from multiverse.space.power_set import power_set as power_set
    from multiverse.space.sobol import sobol as sobol
    from multiverse.space.space import Space as Space
    from multiverse.space.universe import Universe as Universe
    from multiverse.store.place import open_store as open_store
    from multiverse.study import Study as Study
    from multiverse.sweep import run as run

forgo_fused_arithmetic()  # before anybody's JAX: a universe shall have the same bits in any lane,
forgo_wrong_sums()  # and the right ones

__version__ = "0.1.0"

_HOMES = {
    "preprocessing": "multiverse.space.decision",
    "prior": "multiverse.space.decision",
    "likelihood": "multiverse.space.decision",
    "parameterization": "multiverse.space.decision",
    "decision": "multiverse.space.decision",
    "Decision": "multiverse.space.decision",
    "power_set": "multiverse.space.power_set",
    "between": "multiverse.space.continuous",
    "sobol": "multiverse.space.sobol",
    "When": "multiverse.space.condition",
    "Space": "multiverse.space.space",
    "Universe": "multiverse.space.universe",
    "Study": "multiverse.study",
    "Estimate": "multiverse.estimate",
    "rows": "multiverse.row_plate",
    "from_toml": "multiverse.interchange.from_toml",
    "from_astra": "multiverse.interchange.from_astra",
    "to_toml": "multiverse.interchange.to_toml",
    "to_astra": "multiverse.interchange.to_astra",
    "designs": "multiverse.design.designs",
    "plan": "multiverse.planning.build",
    "Plan": "multiverse.planning.plan",
    "decision_tree": "multiverse.plot.tree_figure",
    "lint": "multiverse.linting.lint",
    "Lint": "multiverse.linting.lint",
    "run": "multiverse.sweep",
    "StopWhen": "multiverse.aggregate.stop_when",
    "forecast": "multiverse.engines.forecast",
    "Auto": "multiverse.engines.auto.engine",
    "Audit": "multiverse.engines.auto.audit",
    "Laplace": "multiverse.engines.laplace.engine",
    "NestedLaplace": "multiverse.engines.nested.engine",
    "Reweight": "multiverse.engines.reweight.engine",
    "Amortized": "multiverse.engines.amortized.engine",
    "Tuning": "multiverse.engines.amortized.tuning",
    "Consistency": "multiverse.engines.amortized.consistency",
    "Goal": "multiverse.engines.amortized.learning",
    "NetworkGate": "multiverse.engines.amortized.gate",
    "Schedule": "multiverse.engines.amortized.training",
    "ShortChains": "multiverse.engines.short_chains.settings",
    "WarmNUTS": "multiverse.engines.warm_nuts.engine",
    "NUTS": "multiverse.engines.nuts.engine",
    "Rung": "multiverse.engines.nuts.ladder",
    "Function": "multiverse.engines.functions.engine",
    "Gate": "multiverse.engines.gate",
    "WeightsGate": "multiverse.engines.gate",
    "ShortChainsGate": "multiverse.engines.short_chains.gate",
    "Local": "multiverse.executors.local",
    "Ray": "multiverse.executors.ray_cluster.executor",
    "calibrate": "multiverse.calibrating.calibrate",
    "Calibration": "multiverse.calibrating.calibration",
    "open_store": "multiverse.store.place",
    "load": "multiverse.results",
    "Results": "multiverse.results",
    "load_network": "multiverse.answering.load",
    "Network": "multiverse.answering.network",
    "Answer": "multiverse.answering.answer",
    "MultiverseError": "multiverse.errors",
}

_MODULES = ("designs",)  # the names that are a module of functions

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'multiverse' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    value = home if name in _MODULES else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
