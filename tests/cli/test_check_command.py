from __future__ import annotations

import json

import pytest

CHEAP = """
import numpy as np
import numpyro
import numpyro.distributions as dist
import multiverse as mv

def model(data, *, prior):
    mu = numpyro.sample("mu", prior)
    numpyro.sample("idle", dist.Normal(np.zeros(2), 1.0).to_event(1))
    numpyro.sample("y", dist.Normal(mu, 1.0).expand([4]), obs=data["y"])

study = mv.Study("small", data={"y": np.zeros(4)}, model=model, estimands={"mu": "mu"},
                 space=mv.Space(prior=mv.prior(weak=dist.Normal(0.0, 10.0), tight=dist.Normal(0.0, 0.5))))
engine = mv.Laplace(draws=300)
"""


@pytest.fixture(scope="module")
def cheap(tmp_path_factory: pytest.TempPathFactory):
    file = tmp_path_factory.mktemp("check") / "cheap.py"
    file.write_text(CHEAP)
    return file


def test_one_run_of_simulations_serves_all_checks(multiverse, cheap):
    asked = [cheap, "--simulations", 60, "--store", cheap.parent / "checks"]
    figure = cheap.parent / "sbc.svg"
    told = multiverse("check", "sbc", *asked, "-o", figure, "--width", "89mm", columns=200)
    assert told.exit_code == 0, told.stderr
    assert "60 simulated data sets of 2 universes; none of 12 bands left" in told.stdout
    assert figure.exists()
    assert "prior: tight" in told.stdout
    assert f"wrote {figure}" in told.stdout
    parts = sorted((cheap.parent / "checks").rglob("*.parquet"))
    told = multiverse("check", "coverage", *asked, "-o", figure, "--json")
    assert told.exit_code == 0, told.stderr
    card = json.loads(told.stdout)
    assert card["check"] == "coverage"
    assert card["ok"] is True
    assert len(card["rows"]) == 36
    whole = [row for row in card["rows"] if row["decision"] == "all"]
    assert {(row["quantity"], row["n"]) for row in whole} == {("mu", 60), ("idle[0]", 60), ("idle[1]", 60)}
    assert parts
    assert {part for part in parts if "parts" in part.parts} == {
        part for part in (cheap.parent / "checks").rglob("*.parquet") if "parts" in part.parts
    }


def test_where_nothing_passes_the_gate_the_code_says_so(multiverse, cheap):
    """Two draws have no k-hat, so every answer is red."""
    told = multiverse("check", "recovery", cheap, "--simulations", 4, "--draws", 2, "-o", cheap.parent / "r.svg")
    assert told.exit_code == 3, told.output
    assert "4 of 4 fail the gate" in told.stdout
    assert not (cheap.parent / "r.svg").exists()


def test_what_has_no_prior_is_refused(multiverse, tmp_path):
    file = tmp_path / "mean.py"
    file.write_text(
        "import multiverse as mv\nstudy = mv.Study('m', data=1.0, estimate=lambda data: data, space=mv.Space())\n"
    )
    told = multiverse("check", "sbc", file)
    assert told.exit_code == 2
    assert "no prior to draw parameters from" in told.stderr


@pytest.mark.parametrize("name", ["sbc", "coverage", "recovery"])
def test_help(multiverse, name):
    told = multiverse("check", name, "--help")
    assert told.exit_code == 0
    assert f"multiverse check {name} study.py" in told.stdout.partition("Example:")[2]
