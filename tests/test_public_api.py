"""The public names, and what `import multiverse` costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import multiverse

# In the order of the story. A name that is added or removed here is a line in docs/changelog.md.
PUBLIC = [
    "preprocessing",
    "prior",
    "likelihood",
    "parameterization",
    "decision",
    "Decision",
    "power_set",
    "between",
    "sobol",
    "When",
    "Space",
    "Universe",
    "Study",
    "Estimate",
    "rows",
    "from_toml",
    "from_astra",
    "to_toml",
    "to_astra",
    "designs",
    "plan",
    "Plan",
    "decision_tree",
    "lint",
    "Lint",
    "run",
    "StopWhen",
    "forecast",
    "Auto",
    "Audit",
    "Laplace",
    "NestedLaplace",
    "Reweight",
    "Amortized",
    "Tuning",
    "Consistency",
    "Goal",
    "NetworkGate",
    "Schedule",
    "ShortChains",
    "WarmNUTS",
    "NUTS",
    "Rung",
    "Function",
    "Gate",
    "WeightsGate",
    "ShortChainsGate",
    "Local",
    "Ray",
    "calibrate",
    "Calibration",
    "open_store",
    "load",
    "Results",
    "load_network",
    "Network",
    "Answer",
    "MultiverseError",
    "__version__",
]

HEAVY = {"jax", "numpyro", "pandas", "duckdb", "arviz", "altair", "xarray", "scipy", "pyarrow", "rich"}


def loaded_by(code: str) -> set[str]:
    """The top-level packages in a new process after some code."""
    told = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


def test_the_public_names() -> None:
    assert multiverse.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(multiverse, name)
    assert isinstance(value, str) or value.__doc__


def test_dir_lists_them() -> None:
    assert set(PUBLIC) <= set(dir(multiverse))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'engine'"):
        multiverse.engine  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "code", ["import multiverse", "from multiverse import Space, Study, prior; Space(a=prior(b=1))"]
)
def test_importing_and_declaring_load_nothing_heavy(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_no_room_is_called_like_a_public_name() -> None:
    """Importing such a room would put the module in the place of the function: docs/adr/0006."""
    rooms = {path.name.removesuffix(".py") for path in Path(multiverse.__file__).parent.iterdir()}
    assert not rooms & {name for name in PUBLIC if not name.startswith("__")}
