"""The programs of an `estimate` function: compiled where JAX can trace it, the others called universe by universe."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.identity.keys import rng_words
from multiverse.planning.alike import in_universe, said
from multiverse.planning.answer import FORMS, Answer, NotAnAnswer, answers_of
from multiverse.planning.bind import RNG, Binding, called, takes_rng
from multiverse.planning.checked import Checked
from multiverse.planning.estimand import Estimand
from multiverse.planning.family import Candidate, Family
from multiverse.planning.linear_algebra import lapack_note, uses_lapack
from multiverse.planning.model_trace import Sites
from multiverse.planning.prepare import NOTHING
from multiverse.planning.program import Kind, Member, Program, Signature
from multiverse.planning.structure import signature
from multiverse.planning.tracing import compiled
from multiverse.progress import Progress

TRIED = 3  # universes on which a function has to fail before planning stops: one may fail by itself
VECTORISE_FROM = 8  # universes of one shape: compiling costs some 0.3 s, a call of a small function some milliseconds
CALLED_AGAIN_BELOW = 5.0  # seconds that a person waits twice for a forecast
SAME_RTOL = 1e-6  # in float64: sums in another order agree to about 1e-12; another computation does not
NO_SITES = Sites((), {}, {})


class Call(NamedTuple):
    """A call of the user's function: `call.function(call.data, **call.options)`."""

    function: Callable[..., Any]
    data: Any
    options: dict[str, Any]

    def apart(self) -> Any:
        """The answer; on a copy, as a function that changes its data shall not change them for other universes."""
        return self.function(copy.deepcopy(self.data), **self.options)


def plain_call(program: Program, key: str, seed: int = 0, attempt: int = 1) -> Call:
    """The user's function with the universe's own data and options, and its own random numbers where it takes any."""
    values = program.option_values(key)
    options = {name: values[name] for name in program.signature.options}
    if takes_rng(program.signature.model) and RNG not in options:
        options[RNG] = np.random.default_rng(rng_words(seed, key, attempt))
    return Call(program.signature.model, program.data(key), options)


def traceable(program: Program, names: Sequence[str]) -> Callable[[Mapping[str, Any]], dict[str, Answer]]:
    """`leaves -> answers by estimand`, for one universe of a program."""
    return lambda leaves: answers_of(program.signature(leaves), names)


def function_programs(
    families: Sequence[Family], binding: Binding, estimands: Sequence[Estimand], progress: Progress
) -> Checked:
    """The programs of a function: tried on a universe each, compiled where that gives the same numbers."""
    import jax

    found = Checked()
    names = [estimand.name for estimand in estimands]
    candidates = [(family, member) for family in families for member in family.members]
    if not candidates:
        return found
    with jax.enable_x64(True), progress("trying the function", 1, "universes") as advance:
        tried = _tried(candidates, names)
        found.problems += tried.problems
        advance()
    if tried.problems:
        return found
    left: list[tuple[Family, Candidate]] = []
    groups = [] if binding.rng else [group for family in families for group in _groups(family)]
    left += [] if groups else candidates
    with jax.enable_x64(True), progress("tracing the function", len(groups), "programs") as advance:
        for family, members in groups:
            program = _program(family, members, "traced") if len(members) >= VECTORISE_FROM else None
            if program is not None and (run := _same(program, names)) is not None:
                found.programs.append(program)
                if uses_lapack(run) and (note := lapack_note()) and note not in found.notes:
                    found.notes.append(note)
            else:
                left += [(family, member) for member in members]
            advance()
    if left:
        found.programs.append(_plain(left, tried.seconds))
    return found


@dataclass(frozen=True)
class _Tried:
    """What came of trying a function: mistakes, where it never worked; else the seconds that it took."""

    problems: tuple[Problem, ...]
    seconds: float = 0.0


def _tried(candidates: Sequence[tuple[Family, Candidate]], names: Sequence[str]) -> _Tried:
    """Call the function plainly: on the first universe, or on a few where it fails."""
    problems = []
    for at in dict.fromkeys(np.linspace(0, len(candidates) - 1, TRIED).round().astype(int).tolist()):
        program = _plain([candidates[at]], 0.0)
        key = candidates[at][1].key
        call = plain_call(program, key)
        try:
            with np.errstate(all="ignore"):
                return _Tried((), _seconds(call, names))
        except Exception as error:
            problems.append(_mistake(program, key, error))
    return _Tried(tuple(problems))


def _seconds(call: Call, names: Sequence[str]) -> float:
    """What a call takes: the second one, where the first was short, since the first pays for imports.

    Raises what the function raises, and NotAnAnswer.
    """
    seconds = np.inf
    for _ in range(2):
        began = time.perf_counter()
        answers_of(call.apart(), names)
        seconds = min(seconds, time.perf_counter() - began)
        if seconds > CALLED_AGAIN_BELOW:
            break
    return seconds


def _mistake(program: Program, key: str, error: Exception) -> Problem:
    name = called(program.signature.model)
    labels = list(program.members[key].universe.items())
    if isinstance(error, NotAnAnswer):
        return Problem(
            in_universe(f"{name}() {error}", labels),
            FORMS,
            "return one of these; several by name, with `estimands=[...]` naming them in the study",
        )
    return Problem(
        in_universe(f"{name}() raised {said(error)}", labels),
        "an estimate for the prepared data and options of a universe",
        f"run it by itself: `{name}(prepared, ...)`",
    )


def _groups(family: Family) -> list[tuple[Family, list[Candidate]]]:
    """The members of a family by the shapes of their data."""
    shapes: dict[str, list[Candidate]] = {}
    for member in family.members:
        shapes.setdefault(f"{member.prepared.text}|{signature(member.prepared.leaves)}", []).append(member)
    return [(family, members) for members in shapes.values()]


def _same(program: Program, names: Sequence[str]) -> Any:
    """The compiled function, where JAX traces it and one universe has the same numbers as called plainly; else None."""
    import jax

    key = min(program.members)
    if program.signature.data is NOTHING:
        return None
    try:
        leaves = program.gather([key], "float64")
        run = compiled(jax.vmap(traceable(program, names)), leaves)
        batched = jax.tree.map(lambda a: np.asarray(a)[0], run(leaves))
        plain = answers_of(plain_call(program, key).apart(), names)
    except Exception:  # tracers fail in many ways: pandas, NumPy, `if`; then it is called universe by universe
        return None
    same = [
        batched[name].keys() == plain[name].keys()
        and all(
            np.allclose(batched[name][part], np.asarray(plain[name][part]), rtol=SAME_RTOL, atol=0, equal_nan=True)
            for part in plain[name]
        )
        for name in names
    ]
    return run if all(same) else None


def _plain(left: Sequence[tuple[Family, Candidate]], seconds: float) -> Program:
    """One program of universes that are called one by one."""
    family = left[0][0]
    return _program(family, [member for _, member in left], "plain", seconds)


def _program(family: Family, members: Sequence[Candidate], kind: Kind, seconds: float = 0.0) -> Program:
    labels = {pair for m in members for pair in m.universe.items()}
    traced = kind == "traced"
    shapes = signature(members[0].prepared.leaves)
    text = f"{kind}|{family.text}|{shapes}" if traced else f"{kind}|{family.text.partition('|')[0]}"
    return Program(
        id=hashlib.sha256(text.encode()).hexdigest()[:16],
        why=family.why if traced else "called universe by universe",
        signature=Signature(family.model, family.data if traced else NOTHING, family.options, {}, {}),
        sites=NO_SITES,
        members={m.key: Member(m.key, m.universe, m.prepared.number, _rows(m)) for m in members},
        padding=None,
        unpadded_because="",
        datasets={m.prepared.number: m.prepared.leaves for m in members},
        choices={at: family.choices[at].leaves for at in labels if at[0] in family.options},
        original={m.prepared.number: m.prepared for m in members},
        values={at: family.choices[at].value for at in labels},
        kind=kind,
        seconds=seconds,
    )


def _rows(member: Candidate) -> int:
    """How many rows the data of a universe have; 0 where they are no table."""
    data = member.prepared.data
    return len(data) if hasattr(data, "iloc") else member.prepared.size
