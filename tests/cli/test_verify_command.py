"""`multiverse verify`: its verdict is the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from .test_rerun_command import tamper


def test_a_sound_store(multiverse, answered: Path) -> None:
    answer = multiverse("verify", answered)
    assert answer.exit_code == 0, answer.output
    assert "4 universes of 4 of run 'main' answered again: 4 same" in answer.stdout
    told = json.loads(multiverse("verify", answered, "-n", 2, "--seed", 3, "--json").stdout)
    assert told["ok"] is True and len(told["universes"]) == 2 and told["elsewhere"] == []


def test_a_store_that_was_changed(multiverse, answered: Path) -> None:
    tamper(answered.parent / "runs" / "small-one")
    answer = multiverse("verify", answered, "--all")
    assert answer.exit_code == 1
    assert "4 different" in answer.stdout and "the store was changed" in " ".join(answer.stdout.split())
    told = json.loads(multiverse("verify", answered, "--json").stdout)
    assert told["ok"] is False and {one["finding"] for one in told["universes"]} == {"different"}
