"""Planning: a study becomes a plan, or a list of all that is wrong with it. Nothing is sampled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from multiverse.arithmetic import sums_are_right
from multiverse.cores import cores
from multiverse.design.design import Design
from multiverse.errors import PlanError, Problem
from multiverse.planning.alike import summed_up
from multiverse.planning.bind import Binding, bind
from multiverse.planning.checked import Checked
from multiverse.planning.estimand import Estimand, estimands_of, signature_problems
from multiverse.planning.estimand_trial import Trial
from multiverse.planning.family import Family
from multiverse.planning.function_programs import function_programs
from multiverse.planning.group import programs_of
from multiverse.planning.identify import identify
from multiverse.planning.leaf_path import spoken
from multiverse.planning.linear_algebra import lapack_note
from multiverse.planning.malformed import malformed
from multiverse.planning.model_trace import trace_model
from multiverse.planning.padding import table_length
from multiverse.planning.plan import Plan, Wanted
from multiverse.planning.program import Program
from multiverse.planning.reparam import unknown_sites
from multiverse.planning.reserved import reserved_problems
from multiverse.planning.safety import Verdict, check
from multiverse.planning.same_posterior import posterior_notes
from multiverse.planning.selected import selected
from multiverse.planning.simulator_check import check_simulator
from multiverse.planning.twins import twins_of
from multiverse.planning.unanswerable import notes_on, problems_of
from multiverse.planning.walk import Walked, walk
from multiverse.progress import Progress, bar
from multiverse.study import Study

_WRONG_SUMS = Problem(
    "compiled sums are wrong in this process: its jaxlib was at work before multiverse could tell it to sum rightly.",
    "right sums, of which log densities are made (https://github.com/jax-ml/jax/issues/39103)",
    "import multiverse before the first line that makes JAX compute, and leave --xla_cpu_experimental_ynn_fusion_type "
    "out of XLA_FLAGS; or install another jaxlib",
)
CHECKED_WHEN_BROKEN = 1  # programs still checked where mistakes are known: estimands are tried there, at a second each


def plan(study: Study, *, design: str | Design | None = None, strict: bool = False, progress: Progress = bar) -> Plan:
    """Group the universes of a study by the program they compile to, and check all of it. Samples nothing.

    design: which universes of the space, as in `multiverse.designs.random(200)`, or the name of a design that needs no
    more: "one-at-a-time", "covering". By default every one.
    strict: whether one universe that cannot be answered stops the plan. Otherwise preprocessing, a model or an estimand
    that raises for some options only makes these universes red, as the notes of the plan say.

    Raises PlanError with every mistake found: names that do not bind, preprocessing or a model that raises for all
    options, models NUTS cannot sample, estimands that are not one number a draw, a design that does not fit the space.
    """
    from multiverse.engines.compiled import use_cache

    use_cache()
    _stop(malformed(study))
    # A mistake does not end the search: whatever does not depend on it is looked at too.
    binding, problems = bind(study)
    if not sums_are_right():
        problems.append(_WRONG_SUMS)
    in_space = study.space.check()
    problems += [*in_space, *signature_problems(study), *reserved_problems(study.space.decisions)]
    known = identify(study, binding)
    problems += known.problems
    selection, misfits = selected(study.space, design) if not in_space else (None, [])
    problems += misfits
    walked = Walked({}, (), {})
    if known.loaded and not in_space and not misfits and "prepare" not in binding.unbound:
        walked = walk(study, binding, known, progress, selection)
    estimands = estimands_of(study, binding)
    found = Checked()
    if "analysis" not in binding.unbound:
        if study.is_function:
            found = function_programs(walked.families, binding, estimands, progress) if not problems else found
        else:
            found = _model_programs(
                walked, table_length(known.raw), binding, study, estimands, bool(problems), progress
            )
    failures = {**walked.failures, **found.failures}
    told = [*problems, *problems_of(walked.failures), *found.problems, *problems_of(found.failures), *found.doubts]
    if problems or found.problems or not found.programs or (strict and told):
        _stop(told)
    order = {key: i for i, key in enumerate(walked.universes)}
    in_order = sorted(found.programs, key=lambda p: min(order[key] for key in p.members))
    doubts = [f"{p.what} It makes universes red. Mend: {p.mend}." for p in found.doubts]
    twins = {key: first for key, first in twins_of(walked.families, binding).items() if key not in failures}
    return Plan(
        study=study,
        identity=known.identity,
        universes=walked.universes,
        programs=tuple(in_order),
        wanted=Wanted(estimands, found.needed),
        todo=frozenset(walked.universes),
        failures=failures,
        twins=twins,
        selection=selection,
        notes=tuple(
            dict.fromkeys(
                [
                    *study.space.notes,
                    *(selection.notes if selection is not None else ()),
                    *_notes(in_order),
                    *posterior_notes(study.space, walked.universes),
                    *notes_on(failures, len(walked.universes)),
                    *doubts,
                    *found.notes,
                ]
            )
        ),
    )


class _Grouped(NamedTuple):
    """A program and the family it came from."""

    program: Program
    family: Family


def _stop(problems: Iterable[Problem]) -> None:
    if found := summed_up(problems):
        raise PlanError(found)


def _model_programs(
    walked: Walked,
    raw_rows: int | None,
    binding: Binding,
    study: Study,
    estimands: tuple[Estimand, ...],
    broken: bool,
    progress: Progress,
) -> Checked:
    """The checked programs of a NumPyro model. broken: mistakes are known, so that one program is enough to look at."""
    found = Checked()
    programs: list[_Grouped] = []
    for family in walked.families:
        grouping = programs_of(family, raw_rows)
        programs += [_Grouped(program, family) for program in grouping.programs]
        found.problems += grouping.problems
        found.failures |= grouping.failures
    found.problems += _unknown_sites(programs, binding, study)
    _check(found, programs[:CHECKED_WHEN_BROKEN] if broken or found.problems else programs, estimands, progress)
    return found


def _unknown_sites(programs: Sequence[_Grouped], binding: Binding, study: Study) -> list[Problem]:
    """Reparameterizers for sites that the model does not sample: NumPyro would ignore them silently."""
    if not binding.reparam:
        return []
    sampled: list[tuple[Program, list[str]]] = []
    for program, family in programs:
        bare = family.without_reparam().signature(program.signature.fixed)
        trace = trace_model(bare, program.leaves(next(iter(program.members))))
        sampled.append((program, [latent.name for latent in trace.sites.latents]))
    everywhere = {site for _, sites in sampled for site in sites}
    problems = []
    for program, sites in sampled:
        universe = next(iter(program.members.values())).universe
        for name in binding.reparam:
            label = universe[name]
            if label is not None:
                wanted = study.space.decisions[name].option(label).value
                problems += unknown_sites(name, label, wanted, sites, everywhere)
    return problems


def _check(found: Checked, programs: Sequence[_Grouped], estimands: tuple[Estimand, ...], progress: Progress) -> None:
    """Check each program against the model called plainly; unpad those that padding would change."""
    waiting = list(programs)
    trials: dict[str, list[Trial]] = {}
    with progress("checking programs", len(waiting), "programs") as advance, ThreadPoolExecutor(cores()) as pool:
        while waiting:
            verdicts = pool.map(lambda grouped: _verdict(grouped.program, estimands), waiting)
            again: list[_Grouped] = []
            for (program, family), verdict in zip(waiting, verdicts, strict=True):
                advance()
                if verdict.padding_breaks:
                    bare = programs_of(
                        family, None, only=program.members.keys(), unpadded_because=verdict.padding_breaks
                    )
                    found.problems += bare.problems
                    found.failures |= bare.failures
                    again += [_Grouped(p, family) for p in bare.programs]
                    continue
                found.problems += verdict.problems
                if verdict.failure is not None:
                    found.failures |= dict.fromkeys(program.members, verdict.failure)
                    continue
                if verdict.lapack and (note := lapack_note()) and note not in found.notes:
                    found.notes.append(note)
                found.notes += [note for note in verdict.notes if note not in found.notes]
                for name, trial in verdict.trials.items():
                    trials.setdefault(name, []).append(trial)
                found.programs.append(program)
            advance(0, more=len(again))
            waiting = again
    for tried in trials.values():
        mistakes = [trial.problem for trial in tried if trial.problem is not None]
        everywhere = sum(trial.failed for trial in tried) == sum(trial.tried for trial in tried)
        if everywhere:
            found.problems += mistakes
        else:
            found.doubts += mistakes
        found.needed |= frozenset().union(*(trial.needed for trial in tried))


def _verdict(program: Program, estimands: tuple[Estimand, ...]) -> Verdict:
    return check_simulator(program, estimands) if program.kind == "simulator" else check(program, estimands)


def _notes(programs: Sequence[Program]) -> list[str]:
    """What the planner did that a person should know."""
    who = "simulator" if any(program.kind == "simulator" for program in programs) else "model"
    known = dict.fromkeys(path for program in programs for path in program.signature.fixed)
    notes = [
        f"the {who} needs {spoken(path)} as a plain value (it branches on it, or uses NumPy on it), "
        "so each value has a program of its own"
        for path in known
    ]
    if who == "simulator":
        notes.append(
            "the study only simulates: no answer can be checked against a density, so calibration on simulated data, "
            "the agreement of an ensemble and the distance of the data from what is simulated vouch for it"
        )
    models = [program.sites for program in programs if program.sites.latents]  # functions have no sites at all
    if models and not any(sites.observed for sites in models):
        notes.append("the model observes nothing, so the answers are those of its priors: give a site `obs=data[...]`")
    reasons = dict.fromkeys(program.unpadded_because for program in programs if program.unpadded_because)
    return notes + [f"rows are not padded, so each number of rows has a program of its own: {why}" for why in reasons]
