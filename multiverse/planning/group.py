"""Universes grouped by the program they compile to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from multiverse.errors import MultiverseError, Problem
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.branching import plain, trace_batched
from multiverse.planning.model_trace import ModelTrace, trace_model
from multiverse.planning.padding import Padding, common_rows, row_paths, rung
from multiverse.planning.prepare import Prepared
from multiverse.planning.program import Member, Program, Signature
from multiverse.planning.structure import Leaves, Structure, signature
from multiverse.space.universe import Universe


class Choice(NamedTuple):
    """An option value taken apart: its value, fingerprint, structure and leaves."""

    value: Any
    identity: str
    structure: Structure
    leaves: Leaves


Choices = Mapping[tuple[str, str | None], Choice]


@dataclass
class Family:
    """Universes that share the structure of data and options; they split further by the shapes of their arrays.

    seen: their members so far. Mutable, while the space is walked.
    """

    model: Callable[..., Any]
    data: Structure
    options: Mapping[str, Structure]
    reparam: Mapping[str, Any]
    why: str
    text: str
    members: list[tuple[str, Universe, Prepared]] = field(default_factory=list)


def family_text(model: str, prepared: Prepared, taken: Mapping[str, Choice], reparam: Mapping[str, Any]) -> str:
    """What the universes of a family have in common, as a text. model: its fingerprint."""
    trailing = ";".join(f"{p}:{a.dtype.kind}{a.ndim}{list(a.shape[1:])}" for p, a in sorted(prepared.leaves.items()))
    options = ";".join(f"{n}={c.structure.text}/{signature(c.leaves)}" for n, c in sorted(taken.items()))
    return f"{model}|{prepared.structure.text}|{trailing}|{options}|{fingerprint(dict(reparam))}"


def programs_of(family: Family, choices: Choices, raw_rows: int | None) -> tuple[list[Program], list[Problem]]:
    """The programs of a family: padded where the model allows it, split by shape where not."""
    key, universe, prepared = max(family.members, key=lambda m: (_size(m[2]), m[0]))
    whole = Signature(family.model, family.data, family.options, family.reparam, {})
    leaves = prepared.leaves | _option_leaves(family, universe, choices)
    try:
        traced = trace_batched(whole, leaves)
    except MultiverseError as error:
        return [], list(error.problems)
    except Exception as error:
        return [], [_raised(error, universe)]
    if traced.trace.problems:
        return [], list(traced.trace.problems)
    rows, because = _rows(family, choices, traced.trace, tuple(traced.fixed))
    groups: dict[str, list[tuple[str, Universe, Prepared]]] = {}
    pads: dict[str, Padding | None] = {}
    for member in family.members:
        own = member[2].leaves | _option_leaves(family, member[1], choices)
        padding = rows.padding(member[2], raw_rows) if rows is not None else None
        shapes = f"padded to {padding.length}" if padding else signature(member[2].leaves)
        fixed = {path: own[path] for path in traced.fixed}
        text = f"{family.text}|{shapes}|{fingerprint(fixed)}"
        groups.setdefault(text, []).append(member)
        pads[text] = padding
    return [
        _program(family, text, members, pads[text], because, rows, traced.trace, tuple(traced.fixed), choices)
        for text, members in groups.items()
    ], []


def without_padding(program: Program, because: str) -> list[Program]:
    """The same universes in programs whose rows are not padded, one for each shape of the data."""
    groups: dict[str, dict[str, Member]] = {}
    for member in program.members.values():
        shapes = signature(program.original[member.prepared].leaves)
        groups.setdefault(shapes, {})[member.key] = member
    return [
        replace(
            program,
            id=_digest(f"{program.id}|{shapes}"),
            members=members,
            padding=None,
            unpadded_because=because,
            datasets={m.prepared: program.original[m.prepared].leaves for m in members.values()},
        )
        for shapes, members in groups.items()
    ]


@dataclass(frozen=True)
class _Rows:
    """Which arrays hold rows, and how many rows each data set has."""

    paths: frozenset[str]
    counts: Mapping[int, int]

    def padding(self, prepared: Prepared, raw_rows: int | None) -> Padding:
        return Padding(rung(self.counts[prepared.number], raw_rows), self.paths)


def _rows(family: Family, choices: Choices, trace: ModelTrace, fixed: tuple[str, ...]) -> tuple[_Rows | None, str]:
    """The rows of each data set of a family, or None and why its data are not padded."""
    lengths = {use.length for use in trace.rows}
    if not lengths:
        return None, "the model does not use mv.rows"
    if trace.row_latents:
        return None, f"the latent site {trace.row_latents[0]!r} lies inside mv.rows"
    if len(lengths) > 1:
        return None, f"mv.rows is used with {len(lengths)} lengths"
    largest = max(family.members, key=lambda m: (_size(m[2]), m[0]))
    paths = row_paths(largest[2].leaves, next(iter(lengths)))
    counts: dict[int, int] = {}
    for _, universe, prepared in family.members:
        if prepared.number in counts:
            continue
        rows = common_rows(prepared.leaves, paths)
        if rows is None:  # an array had the length of the rows by chance: ask the model about this data set
            leaves = prepared.leaves | _option_leaves(family, universe, choices)
            known = {path: plain(leaves[path]) for path in fixed}
            whole = Signature(family.model, family.data, family.options, family.reparam, known)
            traced = trace_model(whole, {p: leaf for p, leaf in leaves.items() if p not in fixed})
            rows = traced.rows[0].length
            paths &= row_paths(prepared.leaves, rows)
        counts[prepared.number] = rows
    if not paths:
        return None, "no array has the length that mv.rows is given"
    if paths & set(fixed):
        return None, f"the model branches on {sorted(paths & set(fixed))[0]}"
    return _Rows(paths, counts), ""


def _program(
    family: Family,
    text: str,
    members: list[tuple[str, Universe, Prepared]],
    padding: Padding | None,
    because: str,
    rows: _Rows | None,
    trace: ModelTrace,
    fixed: tuple[str, ...],
    choices: Choices,
) -> Program:
    _, universe, prepared = members[0]
    own = prepared.leaves | _option_leaves(family, universe, choices)
    data = {p.number: p for _, _, p in members}
    counts = rows.counts if rows is not None else {}
    labels = {(name, u[name]) for _, u, _ in members for name in u}
    return Program(
        id=_digest(text),
        why="; ".join([family.why, *(f"{path} = {plain(own[path])!r}" for path in fixed)]).strip("; "),
        signature=Signature(
            family.model, family.data, family.options, family.reparam, {path: plain(own[path]) for path in fixed}
        ),
        sites=trace.sites,
        members={key: Member(key, u, p.number, counts.get(p.number, _size(p))) for key, u, p in members},
        padding=padding,
        unpadded_because=because,
        datasets={n: padding(p.leaves, counts[n]) if padding else p.leaves for n, p in data.items()},
        choices={at: choices[at].leaves for at in labels if at[0] in family.options},
        original=data,
        values={at: choices[at].value for at in labels},
    )


def _option_leaves(family: Family, universe: Universe, choices: Choices) -> Leaves:
    return {path: leaf for name in family.options for path, leaf in choices[name, universe[name]].leaves.items()}


def _size(prepared: Prepared) -> int:
    """The longest first axis: the number of rows, where there is a table."""
    return max((leaf.shape[0] for leaf in prepared.leaves.values() if leaf.ndim > 0), default=0)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _raised(error: Exception, universe: Universe) -> Problem:
    shown = ", ".join(f"{name}={label!r}" for name, label in universe.items() if label is not None)
    return Problem(
        f"the model raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} (with {shown})",
        "a NumPyro model that runs on the prepared data of every universe",
        "run it plainly on `prepare(data)` under `numpyro.handlers.seed`, and mend it or rule the options out",
    )
