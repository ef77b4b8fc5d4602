"""Plans, runs and identities are read back; the latest record of a run holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multiverse.errors import StoreError
from multiverse.store.memory import MemoryStore
from multiverse.store.plan_table import (
    PlannedDecision,
    PlannedOption,
    PlannedUniverse,
    PlanRecord,
    decode_header,
    decode_plan,
    encode_plan,
)
from multiverse.store.records import (
    RunRecord,
    decode_record,
    decode_run,
    encode_record,
    encode_run,
    latest,
    next_number,
    read_runs,
)
from multiverse.store.synthetic import WHEN, plan

texts = st.text(st.characters(codec="utf-8"), max_size=10)


def test_a_plan_is_read_back() -> None:
    written = plan()
    read = decode_plan(encode_plan(written))
    assert read == written
    assert decode_header(encode_plan(written)) == written.header
    assert read.name() == written.name()
    assert encode_plan(written).column_names[6:] == ["option:counties", "option:family", "option:tail", "option:slope"]


def test_links_are_read_back_and_a_plan_without_keeps_the_name_it_had() -> None:
    bare = plan()
    linked = replace(bare, header=replace(bare.header, links=(("family", "tail"), ("slope", "counties"))))
    assert decode_plan(encode_plan(linked)) == linked
    assert linked.name() != bare.name()
    assert not {"links", "part"} & bare.header.said().keys()


def test_a_plan_without_universes_or_decisions_is_a_plan() -> None:
    bare = PlanRecord(replace(plan().header, decisions=()), ())
    assert decode_plan(encode_plan(bare)) == bare


def test_the_name_of_a_plan_is_what_it_says_and_not_when() -> None:
    one = plan()
    later = replace(one, header=replace(one.header, created=WHEN + timedelta(days=1)))
    relabelled = PlannedDecision("counties", "preprocessing", (PlannedOption("every one", reference=True),))
    other = replace(one, header=replace(one.header, decisions=(relabelled, *one.header.decisions[1:])))
    fewer = replace(one, universes=one.universes[1:])
    assert later.name() == one.name()
    assert len({one.name(), other.name(), fewer.name()}) == 3


def test_a_label_of_an_unknown_decision_is_an_error() -> None:
    stranger = PlannedUniverse("k", {"slop": "weak"}, "p")
    with pytest.raises(StoreError, match="'slop'"):
        encode_plan(replace(plan(), universes=(stranger,)))


def test_another_table_is_no_plan() -> None:
    with pytest.raises(StoreError, match="no header"):
        decode_header(encode_record({}))


@given(st.dictionaries(texts, st.dictionaries(texts, st.none() | texts, min_size=1, max_size=3), max_size=3))
def test_sections_are_read_back_in_order(sections: dict[str, dict[str, str | None]]) -> None:
    read = decode_record(encode_record(sections))
    assert read == sections
    assert [*map(list, read.values())] == [*map(list, sections.values())]


def record(run: str, number: int, hours: int = 0, plan: str = "p") -> RunRecord:
    return RunRecord(run, f"id-{run}", plan, number, WHEN + timedelta(hours=hours), {"seed": {"seed": "0"}})


def test_a_run_is_read_back() -> None:
    written = record("nuts only", 3)
    assert decode_run(encode_run(written)) == written
    assert decode_run(encode_run(replace(written, sections={}))) == replace(written, sections={})
    assert written.name() != replace(written, number=4).name()


def test_the_latest_record_of_each_run_holds() -> None:
    store = MemoryStore()
    # the third call of `main` ran on a machine whose clock is behind
    said = [record("main", 1), record("main", 2, 5, "q"), record("main", 3, 4, "r"), record("other", 1, 1, "s")]
    for one in reversed(said):
        store.put("run", one.name(), encode_run(one))
        store.put("run", one.name(), encode_run(one))
    found = read_runs(store)
    assert sorted(found, key=lambda r: r.plan) == sorted(said, key=lambda r: r.plan)
    assert {run: one.plan for run, one in latest(found).items()} == {"main": "r", "other": "s"}
    assert list(latest(found)) == ["main", "other"]
    assert next_number(found, "main") == 4 and next_number(found, "new") == 1


def test_times_keep_their_zone() -> None:
    assert decode_run(encode_run(record("main", 1))).started == datetime(2026, 1, 1, tzinfo=UTC)
