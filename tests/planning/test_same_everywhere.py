"""Keys, program ids and leaves are the same in any process, and for the same universes in any space."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpyro.distributions as dist
import pytest

import multiverse as mv

SCRIPT = Path(__file__).with_name("printed_plan.py")


@pytest.fixture(scope="module")
def printed_plan():
    at = importlib.util.spec_from_file_location("printed_plan_here", SCRIPT)
    module = importlib.util.module_from_spec(at)
    at.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_process_with_another_hash_seed_prints_the_same_as_this_one(printed_plan, grouped):
    path = os.pathsep.join(filter(None, [str(SCRIPT.parents[2]), os.environ.get("PYTHONPATH")]))
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    other = subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
    )
    here = json.loads(json.dumps(printed_plan.printed(grouped)))
    assert json.loads(other.communicate()[0]) == here
    assert len(here["keys"]) == 24 and len(here["programs"]) == 16


def same(one, other) -> None:
    """Universes of one that are in other have the same key and program id there."""
    keys = {frozenset(u.active.items()): key for key, u in one.walked.universes.items()}
    others = {frozenset(u.active.items()): key for key, u in other.walked.universes.items()}
    assert keys.items() <= others.items()
    assert programs(one).items() <= programs(other).items()


def programs(grouping) -> dict[str, str]:
    return {key: program.id for program in grouping.programs for key in program.members}


@pytest.fixture(scope="module")
def before(printed_plan, grouped):
    return grouped(printed_plan.study())


def test_reordered_decisions_and_options_keep_keys_and_programs(printed_plan, grouped, before):
    backwards = {
        name: mv.decision(d.kind, {o.label: o.value for o in reversed(d.options)})
        for name, d in reversed(printed_plan.DECISIONS.items())
    }
    after = grouped(printed_plan.study(backwards))
    same(before, after)
    same(after, before)
    assert list(before.walked.universes) != list(after.walked.universes)


@pytest.mark.parametrize("name", ["rows", "slope"])
def test_an_added_option_keeps_keys_and_programs(printed_plan, grouped, before, name):
    value = 8 if name == "rows" else dist.Normal(0, 3)
    options = {o.label: o.value for o in printed_plan.DECISIONS[name].options}
    more = mv.decision("prior", options | {"one more": value})
    after = grouped(printed_plan.study({**printed_plan.DECISIONS, name: more}))
    assert len(after.walked.universes) > len(before.walked.universes)
    same(before, after)


def test_labels_and_reasons_are_not_in_the_keys(printed_plan, grouped, before):
    renamed = {
        name: mv.decision(
            "another kind",
            {f"{o.label}, renamed": o.value for o in d.options},
            why={f"{o.label}, renamed": "because" for o in d.options},
        )
        for name, d in printed_plan.DECISIONS.items()
    }
    after = grouped(printed_plan.study(renamed))
    assert list(after.walked.universes) == list(before.walked.universes)
    assert programs(after) == programs(before)


def test_a_subset_of_the_space_keeps_its_programs(printed_plan, grouped, before):
    """A universe is padded alike in any company: the ladder hangs on the raw table."""
    few = {**printed_plan.DECISIONS, "rows": mv.preprocessing({"ten": 10}), "slope": mv.prior(weak=dist.Normal(0, 10))}
    same(grouped(printed_plan.study(few)), before)


def other_model(data, *, slope, family):
    import numpyro

    b = numpyro.sample("slope", slope)
    numpyro.sample("level", dist.Normal(0, 5))
    with numpyro.plate("groups", 3):
        numpyro.sample("group", dist.Normal(0, 1))
    with mv.rows(data):
        numpyro.sample("y", family(b * data["x"], 1.0), obs=data["y"])


def test_another_model_has_other_keys_and_other_programs(printed_plan, grouped, before):
    """Compiled programs are looked up by id: two models of one shape must not share it."""
    from dataclasses import replace

    after = grouped(replace(printed_plan.study(), model=other_model))
    assert not set(after.walked.universes) & set(before.walked.universes)
    assert not set(programs(after).values()) & set(programs(before).values())
