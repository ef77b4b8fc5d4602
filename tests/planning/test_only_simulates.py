"""Studies that only simulate: their programs, what these simulate and observe, and what is refused elsewhere."""

from __future__ import annotations

import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.linting.duplicates import duplicates
from multiverse.linting.idle_arguments import idle_arguments
from multiverse.linting.lint import lint
from multiverse.planning.bind import bind
from multiverse.planning.build import plan
from multiverse.planning.density import prior_draw
from multiverse.planning.identify import identify
from multiverse.planning.leaf_path import OBSERVED
from multiverse.planning.observed_data import observed_data
from multiverse.planning.pilot import gradient_seconds
from multiverse.planning.program import Program
from multiverse.planning.simulate import made_of, opened
from multiverse.planning.tracing import TRACING
from multiverse.progress import no_progress

VALUES = {"arrival": 4.0, "service": 3.0}
DATA = {"waits": np.linspace(0.5, 3.0, 12), "served": np.arange(12) % 3, "groups": np.arange(12) // 4}


@pytest.fixture(scope="module")
def queue(only_simulate):
    return plan(only_simulate.queue, progress=no_progress)


def waits(key, parameters, data):
    return {"waits": jax.random.exponential(key, data["waits"].shape) / parameters["rate"]}


def study(**changes):
    given = {"data": DATA, "prior": {"rate": dist.LogNormal(0, 1)}, "simulate": waits, "estimands": {"rate": "rate"}}
    return mv.Study("waits", **given | changes)


def only_program(made: mv.Study) -> Program:
    (program,) = plan(made, progress=no_progress).programs
    return program


def simulated(program: Program, key: str, values, seed: int = 0):
    with TRACING:
        return jax.tree.map(np.asarray, program.simulate(program.leaves(key), jax.random.key(seed), values))


def test_priors_share_a_program_and_laws_do_not(queue):
    assert [(p.kind, len(p.members)) for p in queue.programs] == [("simulator", 2)] * 4
    first = queue.programs[0]
    assert [latent.name for latent in first.sites.latents] == ["arrival", "service"]
    assert first.sites.observed == {"gaps": (40,)}
    assert first.padding is None
    assert any("only simulates" in note for note in queue.notes)
    assert any("no rows that could be masked" in note for note in queue.notes)


def test_data_are_simulated_as_the_function_called_plainly_does(queue, only_simulate):
    for program in queue.programs:
        for key, member in program.members.items():
            law = queue.study.space.decisions["law"].option(member.universe["law"]).value
            plain = only_simulate.serve(jax.random.key(3), VALUES, program.data(key), law=law)
            np.testing.assert_allclose(simulated(program, key, VALUES, 3)["gaps"], plain["gaps"], rtol=1e-5)


def test_observed_values_are_those_of_the_prepared_data(queue):
    for program in queue.programs:
        for key in program.members:
            found = program.observed(program.leaves(key))
            np.testing.assert_allclose(found["gaps"], program.data(key)["gaps"], rtol=1e-6)


def test_simulating_can_be_mapped_over_universes_and_keys(queue):
    program = queue.programs[0]
    keys, random = list(program.members), jax.random.split(jax.random.key(1), 2)
    with TRACING:
        together = jax.vmap(program.simulate, (0, 0, None))(program.gather(keys, "float32"), random, VALUES)
    alone = [program.simulate(program.leaves(key), one, VALUES)["gaps"] for key, one in zip(keys, random, strict=True)]
    np.testing.assert_allclose(together["gaps"], np.stack(alone), rtol=1e-5)


def test_the_prior_is_drawn_from_as_that_of_a_model(queue):
    program = queue.programs[0]
    draw = prior_draw(program.signature, program.sites)
    narrow = next(key for key, member in program.members.items() if member.universe["arrivals"] == "narrow")
    with TRACING:
        z = jax.vmap(lambda key: draw(program.leaves(narrow), key))(jax.random.split(jax.random.key(0), 2000))
    means, sds = np.array([1.4, np.log(3.0)]), np.array([0.3, 0.5])  # of the logarithms, which are the free numbers
    assert (np.abs(z.mean(axis=0) - means) < 5 * sds / np.sqrt(2000)).all()
    assert (np.abs(z.std(axis=0) / sds - 1) < 5 / np.sqrt(2 * 2000)).all()


def test_opened_programs_observe_what_their_leaves_say(queue):
    program = opened(queue.programs[0])
    assert made_of(queue.programs[0]) == {"/gaps"}
    key = next(iter(program.members))
    leaves = program.leaves(key)
    np.testing.assert_array_equal(leaves[f"{OBSERVED}gaps"], program.data(key)["gaps"])
    other = leaves | {f"{OBSERVED}gaps": np.ones(40)}
    np.testing.assert_array_equal(program.observed(other)["gaps"], np.ones(40))
    np.testing.assert_array_equal(
        simulated(program, key, VALUES)["gaps"], simulated(queue.programs[0], key, VALUES)["gaps"]
    )


def test_data_may_be_one_array_and_a_simulator_need_not_take_them(only_simulate):
    program = only_program(only_simulate.epidemic)
    key = next(iter(program.members))
    assert program.sites.observed == {"data": (20,)}
    np.testing.assert_array_equal(program.observed(program.leaves(key))["data"], only_simulate.cases())
    assert f"{OBSERVED}data" in opened(program).paths
    bare = only_program(study(data=np.ones(5), simulate=lambda key, p: p["rate"] * jax.random.normal(key, (5,))))
    assert bare.sites.observed == {"data": (5,)}


def test_counts_are_simulated_as_floats():
    def served(key, parameters, data):
        return {"served": jnp.floor(jax.random.exponential(key, (12,)) * parameters["rate"]).astype(int)}

    program = only_program(study(simulate=served))
    key = next(iter(program.members))
    assert simulated(program, key, {"rate": 2.0})["served"].dtype.kind == "f"
    assert program.observed(program.leaves(key))["served"].dtype.kind == "f"


def test_an_option_that_the_simulator_branches_on_becomes_structure():
    def scaled(key, parameters, data, *, scale):
        return {"waits": (2.0 if scale > 1.5 else 1.0) * waits(key, parameters, data)["waits"]}

    found = plan(study(simulate=scaled, space=mv.Space(scale=mv.likelihood(a=1.0, b=2.0))), progress=no_progress)
    assert len(found.programs) == 2
    assert any(note.startswith("the simulator needs scale as a plain value") for note in found.notes)


def test_parameters_that_change_nothing_and_numbers_that_are_none_are_noted():
    def odd(key, parameters, data):
        noise = jax.random.normal(key, (12,))
        return {"waits": jnp.where(noise.sum() > 0, noise, jnp.nan) * parameters["rate"]}

    found = plan(
        study(simulate=odd, prior={"rate": dist.LogNormal(0, 1), "idle": dist.Normal(0, 1)}), progress=no_progress
    )
    assert any("depends on 'idle'" in note for note in found.notes)
    assert any("NaN or infinite values in" in note for note in found.notes)


def test_universes_whose_simulator_raises_are_red_and_the_others_are_planned():
    def some(key, parameters, data, *, law):
        if law == "broken":
            raise ValueError("no such law")
        return waits(key, parameters, data)

    space = mv.Space(law=mv.likelihood({"sound": "sound", "broken": "broken"}))
    found = plan(study(simulate=some, space=space), progress=no_progress)
    assert len(found.programs) == 1
    assert [failure.stage for failure in found.failures.values()] == ["model"]
    assert "some() raised ValueError: no such law" in next(iter(found.failures.values())).message


def test_another_prior_or_simulator_is_another_study():
    def other(key, parameters, data):
        return {"waits": 2 * jax.random.exponential(key, data["waits"].shape) / parameters["rate"]}

    made = study()
    changed = [made, replace(made, prior={"rate": dist.LogNormal(0, 2)}), replace(made, simulate=other)]
    assert len({identify(one, bind(one)[0]).identity.model for one in changed}) == 3


def test_programs_survive_the_way_to_another_process(queue):
    program = queue.programs[0]
    cloudpickle = pytest.importorskip("cloudpickle")
    sent = pickle.loads(cloudpickle.dumps(program.only([next(iter(program.members))])))
    key = next(iter(sent.members))
    np.testing.assert_array_equal(simulated(sent, key, VALUES)["gaps"], simulated(program, key, VALUES)["gaps"])


def test_there_is_no_evidence_and_nothing_to_time(queue):
    assert {seen.why for p in queue.programs for seen in observed_data(p).values()} == {
        "a simulator tells no likelihood"
    }
    assert gradient_seconds(queue.programs) == {}


def test_a_model_has_no_simulator_of_its_own(normal_mean):
    program = plan(normal_mean.study(normal_mean.space(1, 1, 1)), progress=no_progress).programs[0]
    with pytest.raises(ValueError, match="only a study with `simulate`"):
        program.simulate(program.leaves(next(iter(program.members))), jax.random.key(0), {})


def test_the_lint_finds_nothing_in_sound_ones(queue):
    told = lint(queue, progress=no_progress)
    assert not told.findings
    assert not told.not_made


def test_the_lint_sees_a_decision_that_neither_the_prior_nor_the_simulator_reads():
    def prior(*, width):
        return {"rate": dist.LogNormal(0, 1)}

    made = plan(study(prior=prior, space=mv.Space(width=mv.prior(a=1.0, b=2.0))), progress=no_progress)
    (found,) = duplicates(made)
    assert "'width'" in found.what
    assert "prior()" in found.what + found.mend


def test_the_lint_sees_an_argument_of_the_prior_that_does_nothing_there():
    def prior(*, rows):
        return {"rate": dist.LogNormal(0, 1)}

    def prepare(raw, *, rows):
        return {"waits": raw["waits"] * rows}

    space = mv.Space(rows=mv.preprocessing({"once": 1.0, "twice": 2.0}))
    made = plan(study(prior=prior, prepare=prepare, space=space), progress=no_progress)
    assert [found.what for found in idle_arguments(made)] == [
        "prior() takes 'rows', which changes nothing there: what it returns does not depend on it."
    ]
