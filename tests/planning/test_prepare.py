"""Each preprocessing step runs once per distinct combination of the decisions that it and earlier ones take."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import multiverse as mv
from multiverse.planning.bind import bind
from multiverse.planning.prepare import Prepared, Preparer
from multiverse.planning.structure import Structure
from multiverse.planning.unanswerable import Unanswerable

CALLS: Counter = Counter()
SPACE = mv.Space(
    rows=mv.preprocessing({"all": 6, "four": 4}),
    slope=mv.prior({str(i): float(i) for i in range(3)}),
    scale=mv.preprocessing({"one": 1.0, "two": 2.0}),
    zeros=mv.preprocessing({"keep": False, "drop": True}),
).only_when("zeros", lambda rows: rows == "all")


@pytest.fixture(autouse=True)
def _count_anew():
    CALLS.clear()


def load():
    CALLS["load"] += 1
    return {"y": np.arange(6.0)}


def cut(raw, *, rows):
    CALLS["cut", rows] += 1
    return {"y": raw["y"][:rows]}


def stretch(data, *, scale):
    CALLS["stretch", len(data["y"]), scale] += 1
    data["y"] *= scale  # in place: the next combination must not see it
    return data


def drop(data, *, zeros, rows):
    CALLS["drop", len(data["y"]), zeros] += 1
    return {"y": data["y"][data["y"] != 0.0]} if zeros else data


def prepared(study, raw=None):
    """Universe -> data, or why there are none."""
    binding, problems = bind(study)
    assert problems == []
    preparer = Preparer(study, binding, study.load() if raw is None else raw)
    space = study.space
    return {universe: preparer(universe, space.values(universe)) for universe in space}


def mistakes(data):
    failures = [found for found in data.values() if isinstance(found, Unanswerable)]
    return list(dict.fromkeys(problem for failure in failures for problem in failure.problems))


def a_model(data, *, slope):
    return None


@pytest.fixture(scope="session")
def three_steps(small):
    return small(data=load, prepare=[cut, stretch, drop], model=a_model, space=SPACE)


def test_each_step_runs_once_for_each_combination_it_can_tell_apart(three_steps):
    data = prepared(three_steps)
    assert len(data) == 2 * 3 * 2 + 3 * 2  # zeros multiply where all rows are kept
    assert CALLS == Counter(
        {
            "load": 1,
            **{("cut", rows): 1 for rows in (6, 4)},
            **{("stretch", rows, scale): 1 for rows in (6, 4) for scale in (1.0, 2.0)},
            **{("drop", 6, zeros): 2 for zeros in (False, True)},
            ("drop", 4, None): 2,
        }
    )
    assert sorted({p.number for p in data.values()}) == list(range(6))


def test_universes_that_differ_elsewhere_share_their_data(three_steps):
    data = prepared(three_steps)
    for universe, mine in data.items():
        assert all(mine is other for u, other in data.items() if {**u, "slope": None} == {**universe, "slope": None})


def test_a_step_that_changes_its_input_in_place_spoils_nothing(three_steps):
    data = prepared(three_steps)
    for universe, mine in data.items():
        values = SPACE.values(universe)
        expected = np.arange(6.0)[: values["rows"]] * values["scale"]
        np.testing.assert_array_equal(mine.data["y"], expected[expected != 0.0] if values["zeros"] else expected)


def test_a_step_that_changes_an_option_or_the_raw_data_spoils_nothing(small):
    raw = {"y": np.arange(3.0), "names": ["a"]}

    def prepare(raw, *, columns):
        raw["names"].append("b")
        columns.append("z")
        return {"y": raw["y"], "n": len(columns), "m": len(raw["names"])}

    space = mv.Space(columns=mv.preprocessing({"one": ["x"], "two": ["x", "y"]}))
    data = prepared(small(data=raw, prepare=prepare, model=lambda data: None, space=space))
    assert [(p.data["n"], p.data["m"]) for p in data.values()] == [(2, 2), (3, 2)]
    assert raw["names"] == ["a"]
    assert space.decisions["columns"].option("one").value == ["x"]


def test_without_prepare_the_model_sees_the_raw_data(small):
    data = prepared(small(data=pd.DataFrame({"y": [1.0, 2.0]}), prepare=None, model=a_model, space=SPACE_ONE))
    (only,) = set(map(id, data.values()))
    np.testing.assert_array_equal(next(iter(data.values())).data["y"], [1.0, 2.0])
    assert next(iter(data.values())).labels == ()


SPACE_ONE = mv.Space(slope=mv.prior(a=1.0, b=2.0))


def failing(raw, *, rows):
    if rows == 4:
        raise ValueError("four is not enough\nand a second line")
    return raw


def test_a_step_that_raises_is_told_once_with_its_options_and_a_rule_to_paste(small):
    space = mv.Space(rows=SPACE.decisions["rows"], scale=SPACE.decisions["scale"], slope=SPACE.decisions["slope"])
    data = prepared(small(data=load, prepare=[failing, stretch], model=a_model, space=space))
    (problem,) = mistakes(data)
    assert problem.what.startswith("failing() raised ValueError: four is not enough at test_prepare.py:")
    assert problem.what.endswith(r"""`raise ValueError("four is not enough\nand a second line")` (with rows='four').""")
    assert problem.mend.endswith("""`space.forbid("the reason", lambda rows: rows == 'four')`""")
    assert {u["rows"] for u, p in data.items() if isinstance(p, Unanswerable)} == {"four"}
    assert all("in failing" in p.traceback for p in data.values() if isinstance(p, Unanswerable))
    assert {key for key in CALLS if key[0] == "stretch"} == {("stretch", 6, 1.0), ("stretch", 6, 2.0)}


def test_a_prepare_without_return(small):
    def prepare(raw, *, rows):
        raw = {"y": raw["y"][:rows]}

    data = prepared(small(prepare=prepare, model=lambda data: None, space=mv.Space(rows=SPACE.decisions["rows"])))
    assert [p.what for p in mistakes(data)] == [f"prepare() returned None (with rows={x!r})." for x in ("all", "four")]
    assert mistakes(data)[0].mend == "end prepare() with `return ...`"


def test_data_that_cannot_be_identified_are_a_problem_not_a_crash(small):
    study = small(prepare=lambda raw: {"y": raw["y"], "later": iter([1])}, model=lambda data: None, space=mv.Space())
    data = prepared(study)
    assert [p.what for p in mistakes(data)] == ["data['later'] is a list_iterator, which is used up by reading it."]


def test_the_same_mistake_with_other_counts_is_told_once(small, grouped, told):
    def prepare(raw, *, rows):
        return {"y": np.where(np.arange(rows) < rows - 2, np.nan, 1.0), "x": np.zeros(rows)}

    options = {f"{n} rows": n for n in (5, 6, 7)}
    study = small(prepare=prepare, model=lambda data: None, space=mv.Space(rows=mv.preprocessing(options)))
    assert [p.what for p in grouped(study).problems] == [
        "data['y'] is NaN in 3 of its 5 values, first in row 0 (with rows='5 rows'), "
        "and in 2 more combinations of options."
    ]


def test_what_is_sent_does_not_hold_the_raw_data() -> None:
    """Each prepared data set knows what it was made of, which would be sent as often as there are such sets."""
    raw = {"y": np.zeros(100_000)}
    prepared = Prepared(0, (), {"y": np.zeros(3)}, Structure("leaf", float), {}, raw, range(3))
    sent = pickle.dumps(prepared)
    assert len(sent) < 2000
    there = pickle.loads(sent)
    assert there.raw is None and there.data["y"].shape == (3,) and prepared.raw is raw
