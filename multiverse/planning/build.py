"""Planning: a study becomes a plan, or a list of all that is wrong with it. Nothing is sampled."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from multiverse.cores import cores
from multiverse.errors import FingerprintError, PlanError, Problem
from multiverse.identity.fingerprint import fingerprint
from multiverse.identity.keys import StudyIdentity, universe_key
from multiverse.planning.bind import Binding, bind, called
from multiverse.planning.estimand import Estimand, estimands_of, signature_problems
from multiverse.planning.group import Choice, Choices, Family, family_text, programs_of, without_padding
from multiverse.planning.model_trace import Sites, reparam_problems
from multiverse.planning.padding import table_length
from multiverse.planning.plan import Plan, Wanted
from multiverse.planning.prepare import Preparer
from multiverse.planning.program import Program
from multiverse.planning.reserved import reserved_problems
from multiverse.planning.safety import check
from multiverse.planning.structure import signature, take_apart
from multiverse.progress import Progress, no_progress
from multiverse.space.universe import Universe
from multiverse.study import Study


def plan(study: Study, *, progress: Progress = no_progress) -> Plan:
    """Group the universes of a study by the program they compile to, and check all of it. Samples nothing.

    Raises PlanError with every mistake found: names that do not bind, preprocessing that raises, data that are empty or
    not finite, models NUTS cannot sample, estimands that are not one number a draw.
    """
    from multiverse.engines.compiled import use_cache

    use_cache()
    binding, problems = bind(study)
    problems += [*study.space.check(), *signature_problems(study), *reserved_problems(study.space.decisions)]
    _stop(problems)
    raw, choices, identity = _identify(study, binding)
    universes, families = _walk(study, binding, raw, choices, identity, progress)
    programs, notes = _programs(families, choices, table_length(raw))
    estimands = estimands_of(study, binding)
    checked, more, sites = _checked(programs, estimands, progress)
    order = {key: i for i, key in enumerate(universes)}
    checked.sort(key=lambda p: min(order[key] for key in p.members))
    return Plan(
        study=study,
        identity=identity,
        universes=universes,
        programs=tuple(checked),
        wanted=Wanted(estimands, sites),
        todo=frozenset(universes),
        notes=tuple(dict.fromkeys([*study.space.notes, *notes, *more])),
    )


def _stop(problems: list[Problem]) -> None:
    if problems:
        raise PlanError(dict.fromkeys(problems))


def _identify(study: Study, binding: Binding) -> tuple[Any, Choices, StudyIdentity]:
    """Load the raw data, take the options apart, fingerprint everything."""
    problems: list[Problem] = []
    raw: Any = None
    try:
        raw = study.load()
    except Exception as error:
        problems.append(
            Problem(
                f"loading the data with {called(study.data)}() raised {type(error).__name__}: {error}",
                "raw data, or a function without arguments that loads them",
                "call the function by itself and mend what it raises",
            )
        )
    choices: dict[tuple[str, str | None], Choice] = {}
    for name, decision in study.space.decisions.items():
        choices[name, None] = Choice(None, "", *take_apart(None))
        for option in decision.options:
            try:
                # What prepare takes need not enter a model; it has an identity all the same.
                value = option.value
                apart = take_apart(value, f"option/{name}") if name in binding.model else take_apart(None)
                choices[name, option.label] = Choice(value, fingerprint(value), *apart)
            except FingerprintError as error:
                where = f"the option {option.label!r} of {name!r}: "
                problems += [p._replace(what=where + p.what) for p in error.problems]
        problems += _same_options(name, [o.label for o in decision.options], choices)
    identities: dict[str, str] = {}
    for part, value in (("prepare", study.steps), ("model", study.model), ("data", raw)):
        try:
            identities[part] = fingerprint(value)
        except FingerprintError as error:
            problems += error.problems
    _stop(problems)
    return raw, choices, StudyIdentity(**identities)


def _same_options(name: str, labels: list[str], choices: Choices) -> list[Problem]:
    """Two options of one decision with the same value: every universe would be counted twice."""
    seen: dict[str, str] = {}
    problems = []
    for label in labels:
        if (name, label) not in choices:
            continue
        first = seen.setdefault(choices[name, label].identity, label)
        if first != label:
            problems.append(
                Problem(
                    f"the options {first!r} and {label!r} of {name!r} have the same value.",
                    "options that differ: a universe that is there twice would count twice",
                    f"leave out {label!r}, or give it another value",
                )
            )
    return problems


def _walk(
    study: Study,
    binding: Binding,
    raw: Any,
    choices: Choices,
    identity: StudyIdentity,
    progress: Progress,
) -> tuple[dict[str, Universe], list[Family]]:
    """Walk the space once: prepare the data of each universe, give it a key, and put it with its family."""
    preparer = Preparer(study, binding, raw)
    universes: dict[str, Universe] = {}
    families: dict[str, Family] = {}
    with progress("preparing data", len(study.space), "universes") as advance:
        for universe in study.space:
            values = {name: choices[name, label].value for name, label in universe.items()}
            prepared = preparer(universe, values)
            advance()
            if prepared is None:
                continue
            active = {name: choices[name, label].identity for name, label in universe.items() if label is not None}
            key = universe_key(identity, active)
            taken = {name: choices[name, universe[name]] for name in binding.model}
            reparam = _reparam(binding, values)
            text = family_text(identity.model, prepared, taken, reparam)
            family = families.get(text)
            if family is None:
                options = {name: choice.structure for name, choice in taken.items()}
                why = _why(study, binding, universe, choices)
                family = Family(study.model, prepared.structure, options, reparam, why, text)
                families[text] = family
            family.members.append((key, universe, prepared))
            universes[key] = universe
    _stop(_summed_up(preparer.problems))
    return universes, list(families.values())


def _reparam(binding: Binding, values: Mapping[str, Any]) -> dict[str, Any]:
    return {site: r for name in binding.reparam for site, r in (values[name] or {}).items()}


def _why(study: Study, binding: Binding, universe: Universe, choices: Choices) -> str:
    """The options that make this family's structure, for people: `family = student; geometry = centered`."""
    parts = []
    for name in universe:
        if name in binding.reparam:
            parts.append(f"{name} = {universe[name]}")
            continue
        if name not in binding.model:
            continue
        shapes: dict[str, list[str]] = {}
        for label in study.space.decisions[name].labels:
            choice = choices[name, label]
            shapes.setdefault(f"{choice.structure.text}/{signature(choice.leaves)}", []).append(label)
        mine = universe[name]
        alike = next((labels for labels in shapes.values() if mine in labels), None)
        if alike is None:
            parts.append(f"no {name}")
        elif len(shapes) > 1:
            parts.append(f"{name} = {' or '.join(alike)}")
    return "; ".join(parts)


def _summed_up(problems: list[Problem]) -> list[Problem]:
    """One problem for each kind of mistake in preprocessing, with the number of combinations that show it."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.what.rsplit(" (with ", 1)[0], []).append(problem)
    return [
        alike[0]
        if len(alike) == 1
        else alike[0]._replace(what=f"{alike[0].what} and {len(alike) - 1} more combinations of options")
        for alike in groups.values()
    ]


def _programs(families: list[Family], choices: Choices, raw_rows: int | None) -> tuple[list[Program], list[str]]:
    programs: list[Program] = []
    problems: list[Problem] = []
    for family in families:
        found, mistakes = programs_of(family, choices, raw_rows)
        programs += found
        problems += mistakes
        problems += _unknown_sites(family, found)
    _stop(problems)
    notes = [
        f"{', '.join(program.signature.fixed)}: the model branches on it, so each value has a program of its own"
        for program in programs
        if program.signature.fixed
    ]
    return programs, notes


def _unknown_sites(family: Family, programs: list[Program]) -> list[Problem]:
    """Reparameterizers for sites that the model does not sample: NumPyro would ignore them silently."""
    if not programs or not family.reparam:
        return []
    from multiverse.planning.model_trace import trace_model

    program = programs[0]
    bare = program.signature.__class__(**{**vars(program.signature), "reparam": {}})
    sites: Sites = trace_model(bare, program.leaves(next(iter(program.members)))).sites
    return reparam_problems(family.why, "", family.reparam, sites)


def _checked(
    programs: list[Program], estimands: tuple[Estimand, ...], progress: Progress
) -> tuple[list[Program], list[str], frozenset[str]]:
    """Check each program against the model called plainly; unpad those that padding would change."""
    checked: list[Program] = []
    problems: list[Problem] = []
    notes: list[str] = []
    needed: set[str] = set()
    waiting = list(programs)
    with progress("checking programs", len(waiting), "programs") as advance, ThreadPoolExecutor(cores()) as pool:
        while waiting:
            verdicts = list(zip(waiting, pool.map(lambda program: check(program, estimands), waiting), strict=True))
            waiting = []
            for program, verdict in verdicts:
                advance()
                if verdict.padding_breaks:
                    bare = without_padding(program, verdict.padding_breaks)
                    advance(0, more=len(bare))
                    waiting += bare
                    continue
                problems += verdict.problems
                needed |= verdict.needed
                checked.append(program)
    _stop(problems)
    notes += [f"rows are not padded: {p.unpadded_because}" for p in checked if p.unpadded_because]
    return checked, notes, frozenset(needed)
