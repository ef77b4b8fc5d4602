"""The ladder: which attempt comes next, and the state of an engine that climbs it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.engines.nuts.climb import begin_climb
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.ladder import LADDER, SAMPLING, Rung, next_attempt, next_climb, rung_of
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError
from multiverse.planning.plan import Plan

PATIENT = Rung("patient", warmup=2, reasons=("rhat", "ess"))
CAREFUL = Rung("careful", target_accept=0.95, reasons=("divergences",))
ELSEWHERE = Rung("elsewhere", noncentered=True)

rungs = st.lists(st.sampled_from([PATIENT, CAREFUL, ELSEWHERE]), max_size=4).map(tuple)
reasons = st.sampled_from([reason for reason in Reason if reason])


def test_attempts_stand_on_rungs_in_turn() -> None:
    ladder = (PATIENT, CAREFUL)
    assert [rung_of(ladder, attempt) for attempt in range(1, 7)] == [None, PATIENT, CAREFUL] * 2
    assert [rung_of((), attempt) for attempt in (1, 2)] == [None, None]


@given(ladder=rungs, attempt=st.integers(1, 20), reason=reasons, movable=st.booleans())
def test_the_next_attempt_is_on_the_first_rung_further_up_that_applies(
    ladder: tuple[Rung, ...], attempt: int, reason: Reason, movable: bool
) -> None:
    found = next_attempt(ladder, attempt, reason, lambda: movable)
    end = next_climb(ladder, attempt)
    assert rung_of(ladder, end) is None and attempt < end <= attempt + len(ladder) + 1

    def applies(rung: Rung | None) -> bool:
        return rung is not None and reason.name in rung.reasons and (movable or not rung.noncentered)

    expected = [a for a in range(attempt + 1, end) if applies(rung_of(ladder, a))]
    assert found == (expected[0] if expected else None)


def test_a_model_without_hierarchy_skips_the_rungs_for_one() -> None:
    first = next_attempt(LADDER, 1, Reason.rhat, lambda: False)
    assert first is not None and rung_of(LADDER, first) == LADDER[-1]
    assert next_attempt(LADDER, first, Reason.rhat, lambda: False) is None


def test_what_other_settings_cannot_mend_is_not_tried_again() -> None:
    hopeless = {reason for reason in Reason if reason and next_attempt(LADDER, 1, reason, lambda: True) is None}
    assert hopeless == {reason for reason in Reason if reason and reason.name not in SAMPLING}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"warmup": 0}, "warmup=0"),
        ({"longer": 1.5}, "longer=1.5"),
        ({"target_accept": 1.0}, "target_accept=1.0"),
        ({"reasons": ("divergence",)}, "Did you mean 'divergences'"),
        ({"reasons": ("time",)}, "cannot mend"),
    ],
)
def test_a_rung_that_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Rung("odd", **settings)


def test_the_ladder_is_among_the_settings_and_survives_json() -> None:
    told = json.loads(json.dumps(asdict(NUTS())))["ladder"]
    assert tuple(Rung(**rung) for rung in told) == LADDER


# The state


def outcome(key: str, attempt: int, reason: str = "rhat", *, final: bool = False) -> Outcome:
    return Outcome(key, Reason[reason], attempt=attempt, final=final)


def test_universes_are_asked_by_attempt_and_leave_when_they_are_final(twelve: Plan) -> None:
    (program,) = twelve.programs
    a, b, c, *rest = sorted(twelve.keys)
    state = begin_climb(twelve)
    assert state.attempts(program, (PATIENT, CAREFUL)) == {1: [a, b, c, *rest]}
    state = state.told([outcome(a, 1, final=True), outcome(b, 1), outcome(c, 1, "divergences")])
    assert state.attempts(program, (PATIENT, CAREFUL)) == {1: rest, 2: [b], 3: [c]}
    state = state.told([replace(outcome(b, 2), final=True)])
    assert state.attempts(program, (PATIENT, CAREFUL)) == {1: rest, 3: [c]}


def test_what_was_tried_before_goes_on_and_what_is_put_back_begins_anew(twelve: Plan) -> None:
    (program,) = twelve.programs
    a, b, c, *rest = sorted(twelve.keys)
    before = [outcome(a, 1), outcome(b, 2, final=True), outcome(b, 1), outcome("another", 9)]
    before += [outcome(c, 3, final=True), outcome(c, 4)]  # a climb begun again, and killed on the way
    for told in (before, before[::-1]):
        state = begin_climb(twelve, told)
        assert state.attempts(program, (PATIENT, CAREFUL)) == {1: rest, 2: [a], 4: [b], 5: [c]}
