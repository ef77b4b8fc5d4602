"""`--engine laplace` from a shell: run, plan, resume, verify, status."""

from __future__ import annotations

from pathlib import Path

from multiverse.engines.laplace.engine import Laplace
from multiverse.rerun.source import engine_of
from multiverse.results import load


def test_a_store_answered_by_laplace(multiverse, answered: Path) -> None:
    answer = multiverse("run", answered, "--run", "quick", "--engine", "laplace", "--draws", 400)
    assert answer.exit_code == 0, answer.output
    assert "4 of 4 universes answered: 4 green, 0 red" in answer.stdout
    store = answered.parent / "runs" / "small-one"
    results = load(store, run="quick")
    assert engine_of(results.record) == Laplace(draws=400)
    thresholds = results.record.sections["thresholds"]
    assert thresholds["gate.khat_max"] == "0.7" and "arXiv:1507.02646" in str(thresholds["gate.khat_max: source"])
    told = results.sql("select count(*) as n, max(khat) as worst from diagnostics where log_marginal < 0")
    assert told["n"][0] == 4 and told["worst"][0] < 0.5
    for words in (
        ("verify", store, "--run", "quick"),
        ("status", store),
        ("show", store, "--run", "quick", "reference"),
        ("manifest", store, "--run", "quick"),
        ("compare", store, "main", "quick"),
    ):
        again = multiverse(*words)
        assert again.exit_code == 0, (words, again.output)


def test_settings_of_chains_are_refused(multiverse, answered: Path) -> None:
    refused = multiverse("run", answered, "--run", "quick", "--engine", "laplace", "--chains", 2)
    assert refused.exit_code != 0 and "the engine 'laplace' has no setting 'chains'" in refused.output
