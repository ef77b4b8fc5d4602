"""A plan is a value: counted, printed, cut in two; and planning runs nothing."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.engines.forecast import forecast
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.pilot import gradient_seconds


def test_a_plan_counts_its_universes_in_the_order_of_the_space(planned_small):
    assert len(planned_small) == len(planned_small.keys) == len(set(planned_small.keys)) == 4
    assert list(planned_small.universes.values()) == list(planned_small.study.space)
    assert planned_small.keys == tuple(planned_small.universes)
    assert planned_small.todo == set(planned_small.keys)
    assert planned_small.notes == ()


def test_each_universe_is_in_one_program(planned_small):
    members = [key for program in planned_small.programs for key in program.members]
    assert sorted(members) == sorted(planned_small.keys)
    assert {key: p.id for key, p in planned_small.program_of.items()} == {
        key: p.id for p in planned_small.programs for key in p.members
    }


def test_the_reference_universe(planned_small):
    assert dict(planned_small.universes[planned_small.reference]) == {"rows": "all", "slope": "weak"}


def test_a_plan_is_cut_in_two(planned_small):
    done = planned_small.keys[:3]
    rest = planned_small.without(done)
    assert rest.todo == {planned_small.keys[3]}
    assert len(rest) == 4 and rest.programs == planned_small.programs
    assert planned_small.todo == set(planned_small.keys)
    assert rest.without(planned_small.keys).todo == frozenset()
    with pytest.raises(FrozenInstanceError):
        planned_small.todo = frozenset()


def test_planning_twice_gives_the_same_keys_and_programs(planned_small, small):
    again = plan(small())
    assert again.keys == planned_small.keys
    assert [p.id for p in again.programs] == [p.id for p in planned_small.programs]
    assert again.identity == planned_small.identity


def test_how_a_plan_looks(planned_small):
    assert repr(planned_small).splitlines() == [
        "Plan of 'small': 4 universes in 1 program, 2 prepared data sets",
        "  universes  rows            latents  program",
        "  4          20 to 24 of 24  3        (only one)",
    ]
    assert repr(planned_small.without(planned_small.keys[:1])).splitlines()[0].endswith("; 1 already answered")
    html = planned_small._repr_html_()
    assert html.startswith("<b>Plan of &#x27;small&#x27;: 4 universes in 1 program")
    assert html.count("<tr>") == 2 and "20 to 24 of 24" in html


def test_what_is_kept(planned_small):
    (program,) = planned_small.programs
    assert planned_small.wanted.sites == {"slope"}
    assert planned_small.wanted.kept(program) == []
    assert planned_small.keeping("all").wanted.kept(program) == ["level", "noise", "slope"]
    assert planned_small.keeping("noise").wanted.kept(program) == ["noise"]
    assert planned_small.keeping(["noise", "level"]).wanted.kept(program) == ["level", "noise"]
    assert planned_small.keeping("all").keeping("estimands").wanted.kept(program) == []


def test_the_leaves_of_universes_are_stacked_in_the_order_asked(planned_small):
    (program,) = planned_small.programs
    keys = [*reversed(planned_small.keys), planned_small.keys[0]]
    stacked = program.gather(keys, "float32")
    assert tuple(stacked) == program.paths
    assert {a.dtype for path, a in stacked.items() if path != "mask"} == {np.dtype(np.float32)}
    for i, key in enumerate(keys):
        for path, leaf in program.leaves(key).items():
            np.testing.assert_array_equal(stacked[path][i], leaf.astype(stacked[path].dtype))
    assert stacked["option/slope/scale"].tolist() == [0.5, 10.0, 0.5, 10.0, 10.0]
    assert stacked["mask"].sum(axis=1).tolist() == [20, 20, 24, 24, 24]


def test_the_data_and_options_of_a_universe(planned_small):
    (program,) = planned_small.programs
    for key, universe in planned_small.universes.items():
        rows = 24 if universe["rows"] == "all" else 20
        assert program.data(key)["y"].shape == (rows,)
        assert program.members[key].rows_kept == rows
        assert program.option_values(key)["rows"] == rows


def test_a_pilot_times_a_gradient_of_each_model(planned_small):
    (program,) = planned_small.programs
    seconds = gradient_seconds(planned_small.programs)
    assert seconds.keys() == {program.id} and 0 < seconds[program.id] < 0.1
    assert gradient_seconds([replace(program, kind="plain")]) == {}


def test_what_is_not_timed_costs_what_its_nearest_does(planned_small, monkeypatch):
    """Three programs of this study are large; a fourth is like the one with as many latents."""
    monkeypatch.setattr("multiverse.planning.pilot._timed", lambda program: float(program.sites.dimension))
    (program,) = planned_small.programs
    some = list(program.members.items())
    latents = program.sites.latents

    def sized(name, members, many):
        sites = replace(program.sites, latents=latents * many)
        return replace(program, id=name, members=dict(some[:members]), sites=sites)

    programs = [sized("small", 1, 9), *(sized(str(many), 3, many) for many in (1, 10, 100))]
    one = programs[1].sites.dimension
    assert gradient_seconds(programs) == {"small": 10 * one, "1": one, "10": 10 * one, "100": 100 * one}


def normal(loc, scale, tail):
    return dist.Normal(loc, scale)


def student(loc, scale, tail):
    return dist.StudentT(tail, loc, scale)


def hierarchy(data, *, slope, family, tail):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    with numpyro.plate("groups", 3):
        group = numpyro.sample("group", dist.Normal(mu, 1))
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", family(group[data["group"]] + b * data["x"], 1.0, tail), obs=data["y"])


@pytest.fixture(scope="module")
def of_all_kinds(small):
    """Four programs: family and geometry are structure, and tail applies to one family only."""
    return small(
        data=lambda: {"x": np.arange(12.0), "y": np.arange(12.0) % 5, "group": np.arange(12) % 3},
        model=hierarchy,
        space=mv.Space(
            rows=mv.preprocessing(all=12, some=10),
            slope=mv.prior(weak=dist.Normal(0, 10), tight=dist.Normal(0, 0.5)),
            family=mv.likelihood(normal=normal, student=student),
            tail=mv.prior(heavy=4.0, light=30.0),
            geometry=mv.parameterization({"centered": {}, "non-centered": {"group": LocScaleReparam(0)}}),
        ).only_when("tail", lambda family: family == "student"),
    )


def test_programs_and_why_they_differ(of_all_kinds, grouped):
    found = grouped(of_all_kinds)
    assert found.problems == []
    assert [(p.why, len(p.members)) for p in found.programs] == [
        ("family = normal; no tail; geometry = centered", 4),
        ("family = normal; no tail; geometry = non-centered", 4),
        ("family = student; geometry = centered", 8),
        ("family = student; geometry = non-centered", 8),
    ]
    latents = [[s.name for s in p.sites.latents] for p in found.programs[:2]]
    assert latents == [["mu", "group", "slope"], ["mu", "group_decentered", "slope"]]


def test_priors_of_eleven_families(small, grouped):
    priors = {
        "normal": dist.Normal(0, 1),
        "wide": dist.Normal(0, 10),
        "student": dist.StudentT(4, 0, 1),
        "laplace": dist.Laplace(0, 1),
        "cauchy": dist.Cauchy(0, 1),
        "logistic": dist.Logistic(0, 1),
        "uniform": dist.Uniform(-1, 1),
        "wide uniform": dist.Uniform(-5, 5),
        "half normal": dist.HalfNormal(1),
        "gamma": dist.Gamma(2, 1),
        "beta": dist.Beta(2, 2),
        "log normal": dist.LogNormal(0, 1),
        "truncated": dist.TruncatedNormal(0, 1, low=-1),
        "transformed": dist.TransformedDistribution(dist.Normal(0, 1), dist.transforms.AffineTransform(0, 2)),
    }
    found = grouped(small(prepare=None, space=mv.Space(slope=mv.prior(priors))))
    assert found.problems == []
    by_program = [[member.universe["slope"] for member in p.members.values()] for p in found.programs]
    assert sorted(map(len, by_program)) == [1] * 10 + [2, 2]
    assert ["normal", "wide"] in by_program and ["uniform", "wide uniform"] in by_program
    assert found.programs[0].why == "slope = normal or wide"


def test_a_decision_that_does_not_apply_gives_none(of_all_kinds, grouped):
    program = grouped(of_all_kinds).programs[0]
    assert {program.option_values(key)["tail"] for key in program.members} == {None}
    assert not any("tail" in path for path in program.paths)


def test_a_reparameterizer_of_an_unknown_site(small):
    space = mv.Space(
        rows=mv.preprocessing(all=24),
        slope=mv.prior(a=dist.Normal(0, 1)),
        geometry=mv.parameterization({"centered": {}, "not": {"levels": LocScaleReparam(0)}}),
    )
    with pytest.raises(PlanError) as caught:
        plan(small(space=space))
    (problem,) = caught.value.problems
    assert (
        problem.what
        == "the option 'not' of 'geometry' reparameterizes the site 'levels', which the model does not sample."
    )
    assert problem.mend == "Did you mean 'level'?  Write `'not': {'level': LocScaleReparam(0)}`"


def test_a_reparameterizer_of_a_site_that_only_some_universes_sample(small, grouped):
    def model(data, *, pooling):
        spread = numpyro.sample("spread", dist.HalfNormal(1))
        level = numpyro.sample("level", dist.Normal(0, spread)) if pooling == "partial" else 0.0
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(level, 1), obs=data["y"])

    decisions = {
        "pooling": mv.likelihood(partial="partial", none="none"),
        "geometry": mv.parameterization({"centered": {}, "not": {"level": LocScaleReparam(0)}}),
    }
    study = small(prepare=None, model=model, space=mv.Space(decisions), estimands={"spread": "spread"})
    with pytest.raises(PlanError) as caught:
        plan(study)
    (problem,) = caught.value.problems
    assert "which only other universes sample" in problem.what
    assert "`space.only_when('geometry', lambda ...: ...)`" in problem.mend


def test_a_study_without_decisions_is_one_universe(small):
    def model(data):
        b = numpyro.sample("slope", dist.Normal(0, 1))
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"])

    planned = plan(small(prepare=None, model=model, space=mv.Space()))
    assert len(planned) == 1 and dict(planned.universes[planned.reference]) == {}


def test_a_model_without_numbers_to_batch(small, grouped):
    """No data and no leaves: all is structure."""

    def model(data, *, family):
        numpyro.sample("slope", family(0.0, 1.0))

    found = grouped(
        small(data=None, prepare=None, model=model, space=mv.Space(family=mv.likelihood(n=dist.Normal, l=dist.Laplace)))
    )
    assert found.problems == []
    assert [(p.paths, p.padding) for p in found.programs] == [((), None), ((), None)]
    from multiverse.planning.estimand import Estimand
    from multiverse.planning.safety import check

    assert check(found.programs[0], (Estimand("effect", "slope"),)).problems == ()


class Ran(Exception):
    """Something was sampled."""


@pytest.fixture
def nothing_may_run(monkeypatch):
    from multiverse.engines.nuts.engine import NUTS
    from multiverse.executors.local import Local

    def refuse(*given, **more):
        raise Ran

    for kind, name in ((NUTS, "init"), (NUTS, "ask"), (NUTS, "fit"), (NUTS, "tell"), (Local, "map")):
        monkeypatch.setattr(kind, name, refuse)
    monkeypatch.setattr("numpyro.infer.MCMC.run", refuse)
    monkeypatch.setattr("numpyro.infer.hmc.hmc", refuse)
    monkeypatch.setattr("multiverse.store.folder.FolderStore.put", refuse)
    monkeypatch.setattr("multiverse.store.memory.MemoryStore.put", refuse)


def test_planning_runs_nothing(small, nothing_may_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planned = plan(small())
    assert len(planned) == 4
    repr(planned), planned._repr_html_(), forecast(planned)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Ran):
        mv.run(planned, engine=mv.NUTS(warmup=1, draws=1))


def test_programs_that_differ_in_the_shape_of_their_data_only_say_so(small):
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"])

    space = mv.Space(rows=mv.preprocessing(all=24, some=20), slope=mv.prior(a=dist.Normal(0, 1)))
    lines = repr(plan(small(model=model, space=space))).splitlines()
    assert [line.split("  ")[-1] for line in lines[2:4]] == ["data['x'] of shape (24,)", "data['x'] of shape (20,)"]


def test_how_a_long_plan_looks(planned_small):
    from dataclasses import replace

    many = replace(planned_small, programs=planned_small.programs * 15, notes=("mind the <gap>",))
    assert repr(many).splitlines()[-2:] == ["  ... and 3 more programs", "  note: mind the <gap>"]
    assert many._repr_html_().endswith("<br>... and 3 more programs<br>note: mind the &lt;gap&gt;")
    assert "(all others)" in repr(many)
