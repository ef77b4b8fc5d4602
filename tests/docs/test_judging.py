"""The page on the gate says what engines/gate.py and engines/outcome.py say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from multiverse.engines.amortized.gate import SOURCES as NETWORK_SOURCES
from multiverse.engines.amortized.gate import NetworkGate
from multiverse.engines.auto.audit import SOURCES as AUDIT_SOURCES
from multiverse.engines.auto.audit import Audit
from multiverse.engines.gate import SOURCES, Gate, WeightsGate
from multiverse.engines.nuts.ladder import LADDER
from multiverse.engines.outcome import Reason
from multiverse.engines.short_chains.gate import SOURCES as SHORT_CHAINS_SOURCES
from multiverse.engines.short_chains.gate import ShortChainsGate
from multiverse.run_record import KNOWN_SOURCES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "explanation" / "how-universes-are-judged.md").read_text()
LADDER_PAGE = (DOCS / "how-to" / "answer-red-universes.md").read_text()


def table(header: str, page: str = PAGE) -> list[list[str]]:
    """The cells of the table with this header, without backticks."""
    lines = page.splitlines()
    rows = []
    for line in lines[lines.index(header) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.split("|")[1:-1]])
    return rows


def test_thresholds_and_sources_are_those_of_the_gate() -> None:
    weights = {field.name for field in dataclasses.fields(WeightsGate)}
    for kind, first, sources, elsewhere in (
        (Gate, "threshold", SOURCES, set()),
        (WeightsGate, "weights", SOURCES, set()),
        (NetworkGate, "network", NETWORK_SOURCES, weights),  # which it has too
        (ShortChainsGate, "short chains", SHORT_CHAINS_SOURCES, set()),
    ):
        rows = table(f"| {first} | default | a universe is red when | source |")
        shown = {name: (default, source) for name, default, _, source in rows}
        names = {field.name for field in dataclasses.fields(kind)}
        assert shown == {name: (f"{getattr(kind(), name):g}", sources[name]) for name in names - elsewhere}
        assert set(sources) >= names and all(KNOWN_SOURCES[name] == sources[name] for name in names)


def test_settings_of_audits_are_those_of_the_code() -> None:
    rows = table("| audit | default | what it says | source |")
    shown = {name: (default, source) for name, default, _, source in rows}
    held = {f.name: (f"{getattr(Audit(), f.name):g}", AUDIT_SOURCES[f.name]) for f in dataclasses.fields(Audit)}
    assert shown == held


def test_reasons_are_those_of_outcomes() -> None:
    shown = dict(table("| reason | what it means, and the mend |"))
    assert shown == {reason.name: reason.value for reason in Reason if reason}


def test_the_rungs_are_those_of_the_ladder() -> None:
    shown = table("| attempt | rung | what it changes | for |", LADDER_PAGE)
    assert [name for _, name, _, _ in shown] == ["", *(rung.name for rung in LADDER)]
    for (_, _, changes, who), rung in zip(shown[1:], LADDER, strict=True):
        assert f"at least {rung.target_accept:g}" in changes
        assert ("twice the warm-up" in changes) == (rung.warmup == 2)
        assert ("chains twice as long" in changes) == (rung.longer == 2)
        assert ("hierarchy" in who) == rung.noncentered
