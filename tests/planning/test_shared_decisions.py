"""A decision that preprocessing and the analysis both take: each sees its option, in the data set that goes with it."""

from __future__ import annotations

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density

import multiverse as mv
from multiverse.planning.bind import bind
from multiverse.progress import no_progress

RAW = {"y": np.array([1.0, 2.0, 4.0, 8.0])}
CUTS = mv.preprocessing({"all": 9.0, "small": 5.0})
WIDTHS = mv.prior(wide=3.0, narrow=1.0)


def by_number(raw, *, unit, cut):
    return {"y": raw["y"][raw["y"] < cut] * (2.0 if unit is None else unit)}


def in_unit(data, *, unit, width):
    level = numpyro.sample("level", dist.Normal(0.0, 1.0))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level + (2.0 if unit is None else unit), width), obs=data["y"])


def by_name(raw, *, unit, cut):
    return {"y": (np.log if unit == "log" else np.asarray)(raw["y"][raw["y"] < cut])}


def of_shape(data, *, unit, width):
    level = numpyro.sample("level", dist.Normal(0.0, 1.0))
    family = dist.Normal if unit == "log" else dist.Cauchy
    with mv.rows(data):
        numpyro.sample("y", family(level, width), obs=data["y"])


NUMBERS = mv.Space(unit=mv.decision("data", {"one": 1.0, "tenth": 0.1}), cut=CUTS, width=WIDTHS)
NAMES = mv.Space(unit=mv.decision("data", {"log": "log", "plain": "plain"}), cut=CUTS, width=WIDTHS)
CONDITIONAL = NUMBERS.only_when("unit", {"width": "wide"})


def study(prepare, model, space: mv.Space) -> mv.Study:
    return mv.Study("shared", data=RAW, prepare=prepare, model=model, estimands={"level": "level"}, space=space)


def test_a_shared_decision_is_bound_to_both():
    binding, problems = bind(study(by_number, in_unit, NUMBERS))
    assert not problems
    assert binding.prepare == {"unit", "cut"} and binding.analysis == ("unit", "width")


@pytest.mark.parametrize(
    ("prepare", "model", "space", "programs", "data_sets"),
    [
        (by_number, in_unit, NUMBERS, 1, 4),  # numbers are leaves: one program
        (by_name, of_shape, NAMES, 2, 4),  # words are structure: a program each
        (by_number, in_unit, CONDITIONAL, 2, 6),  # None where it does not apply is structure, and a data set
    ],
)
def test_every_universe_has_its_option_twice(grouped, prepare, model, space, programs, data_sets):
    walked, found, problems = grouped(study(prepare, model, space))
    assert not problems
    assert len(found) == programs
    assert len({member.prepared for program in found for member in program.members.values()}) == data_sets
    at = {key: program for program in found for key in program.members}
    assert at.keys() == walked.universes.keys() and len(at) == len(space)
    for key, universe in walked.universes.items():
        values = space.values(universe)
        data = prepare(RAW, unit=values["unit"], cut=values["cut"])
        assert at[key].members[key].rows_kept == len(data["y"])
        density, _ = log_density(at[key].signature, (at[key].leaves(key),), {}, {"level": 0.3})
        wanted, _ = log_density(model, (data,), {name: values[name] for name in ("unit", "width")}, {"level": 0.3})
        np.testing.assert_allclose(density, wanted, rtol=1e-5)  # of 32 bits


def total(data, *, unit, width):
    return float(data["y"].sum() * width + (2.0 if unit is None else unit))


def test_answers_are_looked_up_by_the_option_that_both_took():
    asked = mv.Study("shared", data=RAW, prepare=by_number, estimate=total, space=CONDITIONAL)
    table = mv.run(asked, progress=no_progress).table()
    assert len(table) == len(CONDITIONAL) == 6
    for row in table.itertuples():
        labels = {name: None if label != label else label for name, label in row._asdict().items()}
        values = CONDITIONAL.values({name: labels[name] for name in CONDITIONAL.decisions})
        data = by_number(RAW, unit=values["unit"], cut=values["cut"])
        assert row.mean == pytest.approx(total(data, unit=values["unit"], width=values["width"]))
