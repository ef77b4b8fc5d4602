"""Planning: a study becomes a plan, or a list of all that is wrong with it. Nothing is sampled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from multiverse.cores import cores
from multiverse.errors import PlanError, Problem
from multiverse.planning.alike import summed_up
from multiverse.planning.bind import Binding, bind
from multiverse.planning.estimand import Estimand, estimands_of, signature_problems
from multiverse.planning.family import Family
from multiverse.planning.group import programs_of
from multiverse.planning.identify import identify
from multiverse.planning.leaf_path import spoken
from multiverse.planning.malformed import malformed
from multiverse.planning.model_trace import trace_model
from multiverse.planning.padding import table_length
from multiverse.planning.plan import Plan, Wanted
from multiverse.planning.program import Program
from multiverse.planning.reparam import unknown_sites
from multiverse.planning.reserved import reserved_problems
from multiverse.planning.safety import check
from multiverse.planning.walk import Walked, walk
from multiverse.progress import Progress, bar
from multiverse.study import Study

CHECKED_WHEN_BROKEN = 1  # programs still checked where mistakes are known: estimands are tried there, at a second each


def plan(study: Study, *, progress: Progress = bar) -> Plan:
    """Group the universes of a study by the program they compile to, and check all of it. Samples nothing.

    Raises PlanError with every mistake found: names that do not bind, preprocessing that raises, data that are empty or
    not finite, models NUTS cannot sample, estimands that are not one number a draw.
    """
    from multiverse.engines.compiled import use_cache

    use_cache()
    _stop(malformed(study))
    # A mistake does not end the search: whatever does not depend on it is looked at too.
    binding, problems = bind(study)
    in_space = study.space.check()
    problems += [*in_space, *signature_problems(study), *reserved_problems(study.space.decisions)]
    known = identify(study, binding)
    problems += known.problems
    walked = Walked({}, (), ())
    if known.loaded and not in_space and "prepare" not in binding.unbound:
        walked = walk(study, binding, known, progress)
        problems += walked.problems
    programs: list[_Grouped] = []
    if "model" not in binding.unbound:
        programs, more = _programs(walked.families, table_length(known.raw), binding, study)
        problems += more
    estimands = estimands_of(study, binding)
    checked = _checked(programs[:CHECKED_WHEN_BROKEN] if problems else programs, estimands, progress)
    _stop([*problems, *checked.problems])
    order = {key: i for i, key in enumerate(walked.universes)}
    in_order = sorted(checked.programs, key=lambda p: min(order[key] for key in p.members))
    return Plan(
        study=study,
        identity=known.identity,
        universes=walked.universes,
        programs=tuple(in_order),
        wanted=Wanted(estimands, checked.needed),
        todo=frozenset(walked.universes),
        notes=tuple(dict.fromkeys([*study.space.notes, *_notes(in_order)])),
    )


class _Grouped(NamedTuple):
    """A program and the family it came from."""

    program: Program
    family: Family


@dataclass
class _Checked:
    """What the checks left: sound programs, mistakes, and the sites that estimands look at."""

    programs: list[Program] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    needed: frozenset[str] = frozenset()


def _stop(problems: Iterable[Problem]) -> None:
    if found := summed_up(problems):
        raise PlanError(found)


def _programs(
    families: Sequence[Family], raw_rows: int | None, binding: Binding, study: Study
) -> tuple[list[_Grouped], list[Problem]]:
    programs: list[_Grouped] = []
    problems: list[Problem] = []
    for family in families:
        found, mistakes = programs_of(family, raw_rows)
        programs += [_Grouped(program, family) for program in found]
        problems += mistakes
    return programs, [*problems, *_unknown_sites(programs, binding, study)]


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


def _checked(programs: Sequence[_Grouped], estimands: tuple[Estimand, ...], progress: Progress) -> _Checked:
    """Check each program against the model called plainly; unpad those that padding would change."""
    done = _Checked()
    waiting = list(programs)
    with progress("checking programs", len(waiting), "programs") as advance, ThreadPoolExecutor(cores()) as pool:
        while waiting:
            verdicts = pool.map(lambda grouped: check(grouped.program, estimands), waiting)
            again: list[_Grouped] = []
            for (program, family), verdict in zip(waiting, verdicts, strict=True):
                advance()
                if verdict.padding_breaks:
                    bare, problems = programs_of(
                        family, None, only=program.members.keys(), unpadded_because=verdict.padding_breaks
                    )
                    done.problems += problems
                    again += [_Grouped(p, family) for p in bare]
                    continue
                done.problems += verdict.problems
                done.needed |= verdict.needed
                done.programs.append(program)
            advance(0, more=len(again))
            waiting = again
    return done


def _notes(programs: Sequence[Program]) -> list[str]:
    """What the planner did that a person should know."""
    known = dict.fromkeys(path for program in programs for path in program.signature.fixed)
    notes = [
        f"the model needs {spoken(path)} as a plain value (it branches on it, or uses NumPy on it), "
        "so each value has a program of its own"
        for path in known
    ]
    reasons = dict.fromkeys(program.unpadded_because for program in programs if program.unpadded_because)
    return notes + [f"rows are not padded, so each number of rows has a program of its own: {why}" for why in reasons]
