from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

import multiverse as mv
from multiverse.errors import ResultError, SpaceError
from multiverse.plot.tree_figure import decision_tree

SPACE = (
    mv.Space(
        counties=mv.preprocessing({"all": 1, "five homes or more": 5}, why={"all": "as published"}),
        zeros=mv.preprocessing({"0.1": 0.1, "0.3": 0.3}),
        slope=mv.prior(weak=10.0, sceptical=0.5),
        family=mv.likelihood(normal=1, student=2),
        tail=mv.prior(light=30.0, heavy=4.0),
    )
    .only_when("tail", {"family": "student"})
    .forbid("five homes leave no zeros to log", {"counties": "five homes or more", "zeros": "0.3"})
)
LARGER = mv.Space({**SPACE.decisions, "order": mv.decision("model", first=1, second=2, third=3)}).link("zeros", "slope")


@pytest.mark.parametrize(("name", "space"), [("tree", SPACE), ("tree_rows", LARGER)])
def test_golden(name, space, same, chart_text):
    """As tests/plot/test_curve_golden.py, which tells how to write them anew."""
    figure = decision_tree(mv.Study("radon", data=None, space=space), width="89mm")
    same(f"{name}.json", chart_text(figure.chart))
    same(f"{name}.csv", figure.table.to_csv(index=False, lineterminator="\n"))
    same(f"{name}.txt", figure.caption + "\n")


def test_it_takes_a_study_a_plan_or_a_space():
    study = mv.Study("radon", data=None, space=SPACE)
    assert decision_tree(study).caption.startswith("Decisions of the study radon in the order")
    assert decision_tree(SimpleNamespace(study=study)).caption == decision_tree(study).caption
    assert decision_tree(SPACE).caption.startswith("Decisions in the order")
    with pytest.raises(ResultError, match="was given a str"):
        decision_tree("study.py")
    with pytest.raises(ResultError, match="no decisions"):
        decision_tree(mv.Space())
    with pytest.raises(ResultError, match="width of the figure is 8"):
        decision_tree(SPACE, width=8)
    with pytest.raises(SpaceError, match="nothing"):
        decision_tree(SPACE.forbid("wrong", {"nothing": "x"}))


def test_it_shows_and_saves_itself(tmp_path):
    figure = decision_tree(SPACE)
    assert figure._repr_html_().startswith("<figure><svg")
    path, data, words = figure.save(tmp_path / "tree.svg", width="89mm")
    assert 'width="89mm"' in path.read_text(encoding="utf-8")
    assert list(pd.read_csv(data)["universes"]) == list(figure.table["universes"])
    assert words.read_text(encoding="utf-8").startswith("Decisions in the order")
    assert (tmp_path / "tree.svg").read_bytes() == decision_tree(SPACE).save(tmp_path / "b.svg", width=89)[
        0
    ].read_bytes()
    assert figure.save(tmp_path / "tree.pdf")[0].read_bytes().startswith(b"%PDF")


def test_the_caption_is_that_of_the_width_it_is_saved_at(tmp_path):
    labels = [f"a label of some length {i}" for i in range(2)]
    space = mv.Space({f"decision{i}": mv.prior(dict.fromkeys(labels, 0)) for i in range(4)})
    figure = decision_tree(space)
    assert "Each path from left to right is a universe" in figure.caption
    words = figure.save(tmp_path / "tree.svg", width="89mm")[2]
    assert "A box is an option" in words.read_text(encoding="utf-8")


def test_a_million_universes_cost_no_more_than_their_options():
    space = mv.Space({f"d{i}": mv.prior({f"{j}": j for j in range(10)}) for i in range(6)})
    figure = decision_tree(space.forbid("a reason", {"d0": "1", "d5": "2"}))
    assert "990,000 universes, of 1,000,000 combinations" in figure.caption
    assert len(figure.table) == 60
