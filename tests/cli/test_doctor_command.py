"""`multiverse doctor`: what is damaged, what it means, and the mend; its exit code."""

from __future__ import annotations

import json
from pathlib import Path


def damage(store: Path) -> Path:
    file = sorted((store / "parts").iterdir())[1]
    file.write_bytes(file.read_bytes()[:50])
    return file


def test_a_healthy_store(multiverse, store: Path) -> None:
    answer = multiverse("doctor", store)
    assert answer.exit_code == 0
    assert answer.stdout.endswith("7 tables read.\nNothing is damaged.\n")


def test_damage_is_told_then_mended(multiverse, store: Path) -> None:
    file = damage(store)
    told = multiverse("doctor", store)
    assert told.exit_code == 1
    assert "1. The part 'main-004' cannot be read" in told.stdout
    assert "means: The answers and draws" in told.stdout and f"multiverse doctor {store} --mend" in told.stdout
    assert file.exists()
    mended = multiverse("doctor", store, "--mend")
    assert mended.exit_code == 0
    assert "is set aside in" in mended.stdout and mended.stdout.endswith("to answer what was lost.\n")
    assert not file.exists()
    again = multiverse("doctor", store)
    assert again.exit_code == 0 and "1 table was set aside before" in again.stdout
    assert "Nothing is damaged." in again.stdout


def test_what_only_a_person_can_mend(multiverse, store: Path) -> None:
    for plan in (store / "plans").iterdir():
        plan.unlink()
    answer = multiverse("doctor", store, "--mend")
    assert answer.exit_code == 1
    assert "Give the same `multiverse run` again" in answer.stdout and "1 finding is left" in answer.stdout


def test_for_programs(multiverse, store: Path) -> None:
    damage(store)
    (store / "parts" / "notes.txt").write_text("mine")
    answer = multiverse("doctor", store, "--json")
    told = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert sorted(found["damage"] for found in told["findings"]) == [False, True]
    assert set(told["findings"][0]) == {"what", "means", "mend", "damage"} and told["mended"] == []
    told = json.loads(multiverse("doctor", store, "--json", "--mend").stdout)
    assert len(told["mended"]) == 1


def test_readers_of_a_damaged_store_name_the_doctor(multiverse, store: Path) -> None:
    damage(store)
    for words in (("status", store), ("sql", store, "from universes"), ("curve", store), ("compact", store)):
        answer = multiverse(*words)
        assert answer.exit_code == 1 and f"multiverse doctor {store}" in answer.stderr, words
