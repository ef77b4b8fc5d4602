"""Which universes must have the same answer: their data and options differ, if at all, where it does not matter."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping

from multiverse.linting.dependence import dependence, digest
from multiverse.linting.reads import reads
from multiverse.planning.bind import positionals
from multiverse.planning.plan import Plan
from multiverse.planning.prepare import Prepared
from multiverse.planning.program import Program


def answers(plan: Plan) -> Mapping[str, str]:
    """By universe key a text that is equal for universes whose answers must be equal; of those that can be answered.

    Of a model these have the same log joint (the leaves that reach it are equal, and so is the computation) and show
    their estimands the same; of an `estimate` function the same computation, or, where JAX does not trace it, the same
    data and the same options that the function reads. Other universes may turn out equal too; that is not seen.
    """
    told = {key: text for program in plan.programs for key, text in _of_program(plan, program).items()}
    return {key: told[key] for key in plan.universes if key in told}


def data_of(plan: Plan) -> Mapping[str, str]:
    """By universe key a text that is equal for equal prepared data; of universes that can be answered."""
    prints: dict[int, str] = {}
    told: dict[str, str] = {}
    for program in plan.programs:
        for key, member in program.members.items():
            if member.prepared not in prints:
                prints[member.prepared] = data_print(program.original[member.prepared])
            told[key] = prints[member.prepared]
    return told


def data_print(prepared: Prepared) -> str:
    """A text that is equal for equal prepared data; its number where the data have no identity."""
    return prepared.identity or f"data set {prepared.number}"


def _of_program(plan: Plan, program: Program) -> dict[str, str]:
    whole = functools.cache(lambda number: data_print(program.original[number]))
    if program.kind == "plain":
        function = program.signature.model
        sees_data = any(reads(function, name) for name in positionals(function)) or not positionals(function)
        text, live = "", tuple[str, ...]()
        options = tuple(name for name in program.signature.options if reads(function, name))
    else:
        found = dependence(program, plan.wanted)
        text, live, options, sees_data = found.text, found.live, (), False
    if not plan.study.is_function:
        asked = [(e.ask, e.takes) for e in plan.wanted.estimands if not isinstance(e.ask, str)]
        options = tuple(sorted({name for ask, takes in asked for name in takes if reads(ask, name)}))
        sees_data = any(reads(ask, name) for ask, _ in asked for name in positionals(ask)[1:])
    columns = functools.cache(lambda number, path: digest(program.datasets[number][path]))
    choice = functools.cache(lambda name, label, path: digest(program.choices[name, label][path]))
    by_path = {path: name for (name, _), leaves in program.choices.items() for path in leaves}
    told: dict[str, str] = {}
    for key, member in program.members.items():
        parts = [text, repr([(name, member.universe[name]) for name in options])]
        parts += [whole(member.prepared)] if sees_data else []
        for path in live:
            name = by_path.get(path)
            value = columns(member.prepared, path) if name is None else choice(name, member.universe[name], path)
            parts.append(f"{path}={value}")
        told[key] = hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
    return told
