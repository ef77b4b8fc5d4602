"""Universes of a family grouped by the program they compile to.

A group is split until the model can be traced once for all its universes: by the values of leaves that the model must
know, then by the shapes of the data, padded where the model allows it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from multiverse.errors import MultiverseError, Problem
from multiverse.identity.fingerprint import describe
from multiverse.planning.alike import in_universe, said
from multiverse.planning.branching import plain, trace_batched
from multiverse.planning.family import Candidate, Family
from multiverse.planning.leaf_path import spoken
from multiverse.planning.model_trace import ModelTrace, trace_model
from multiverse.planning.only_simulates import OnlySimulates
from multiverse.planning.program import Member, Program
from multiverse.planning.raised import raised
from multiverse.planning.row_counts import Rows, rows_of
from multiverse.planning.simulator_trace import simulating
from multiverse.planning.structure import Leaves, signature
from multiverse.planning.unanswerable import Unanswerable, unanswerable


@dataclass(frozen=True, eq=False)
class _Group:
    """Universes on their way to a program.

    known: leaves that the model must know; all members have the same values there. shaped: whether the data of all
    members have one shape. rows: how they are padded. because: why the data are not padded, where that costs programs.
    trace: of the model, where it was traced already.
    """

    members: Sequence[Candidate]
    known: tuple[str, ...] = ()
    shaped: bool = False
    rows: Rows | None = None
    because: str = ""
    trace: ModelTrace | None = None

    @property
    def largest(self) -> Candidate:
        """The first of those with the longest data."""
        return max(self.members, key=lambda m: m.prepared.size)


class Grouping(NamedTuple):
    """The programs of some universes; mistakes in the model; and why some universes cannot be answered, by key."""

    programs: list[Program]
    problems: list[Problem]
    failures: dict[str, Unanswerable]


def programs_of(
    family: Family, raw_rows: int | None, *, only: Collection[str] | None = None, unpadded_because: str = ""
) -> Grouping:
    """The programs of a family, padded where the model allows it, split by shape where not.

    A model that raises for some universes fails those; what NUTS could not sample is a mistake.
    only: keys of the members to group; all of them by default. unpadded_because: why not to pad; empty to pad.
    """
    members = [m for m in family.members if only is None or m.key in only]
    whole = _Group(members, because=unpadded_because)
    waiting = deque(_unpadded(whole, unpadded_because) if unpadded_because else [whole])
    programs: list[Program] = []
    problems: list[Problem] = []
    failures: dict[str, Unanswerable] = {}
    while waiting:
        group = waiting.popleft()
        largest = group.largest
        leaves = _leaves(family, group, largest)
        fixed = {path: plain(leaves.pop(path)) for path in group.known}
        trace = group.trace
        if trace is None:
            try:
                trace, more = trace_batched(simulating(family.signature(fixed)), leaves)
            except Exception as error:
                if group.rows is not None:
                    waiting += _unpadded(group, f"on padded rows the model raises {said(error)}")
                elif isinstance(error, MultiverseError):
                    problems += [p._replace(what=in_universe(p.what, _shared(family, group))) for p in error.problems]
                else:
                    failure = unanswerable(
                        "model", [raised(error, _shared(family, group), family.model, largest.prepared.data)], error
                    )
                    failures |= {member.key: failure for member in group.members}
                continue
            if more:
                waiting += _by_value(family, replace(group, trace=trace), (*group.known, *more))
                continue
        if trace.problems:
            shared = _shared(family, group)
            problems += [p._replace(what=in_universe(p.what, shared)) for p in trace.problems]
        elif not group.shaped:
            waiting += _by_shape(family, group, trace, raw_rows)
        elif why := _grows(family, group, trace, fixed):
            waiting += _unpadded(group, why)
        else:
            programs.append(_program(family, group, trace, fixed))
    return Grouping(programs, problems, failures)


def _by_value(family: Family, group: _Group, known: tuple[str, ...]) -> list[_Group]:
    """Those that agree with the largest member where it must be known, and the others, which may branch elsewhere.

    So what a universe must know depends on itself, not on its company.
    """

    def values(member: Candidate) -> Hashable:
        leaves = family.leaves(member)
        return tuple((leaves[path].shape, leaves[path].tobytes()) for path in known)

    mine = values(group.largest)
    alike = [m for m in group.members if values(m) == mine]
    others = [m for m in group.members if values(m) != mine]
    return [
        replace(group, members=alike, known=known),
        *([replace(group, members=others, trace=None)] if others else []),
    ]


def _by_shape(family: Family, group: _Group, trace: ModelTrace, raw_rows: int | None) -> list[_Group]:
    """Split by the shapes of the data, padded if the rows can be told; the group's largest member has been traced."""
    rows, because = rows_of(family, group.members, trace, group.known, raw_rows)
    group = replace(group, shaped=True, rows=rows)
    largest = group.largest.prepared
    if rows is None:
        parts = _unpadded(group, because)
    else:
        shapes = _split(group.members, lambda m: signature(_data(group, m)))
        parts = [replace(group, members=members) for members in shapes]
        if rows.padding(largest).length > rows.counts[largest.number]:
            return parts  # the padded data of no member have the shape that was traced
    return [replace(part, trace=trace if part.largest.prepared is largest else None) for part in parts]


def _unpadded(group: _Group, because: str) -> list[_Group]:
    """The same universes without padding, a group for each shape of the data."""
    shapes = _split(group.members, lambda m: signature(m.prepared.leaves))
    told = because if len(shapes) > 1 or group.rows is not None or group.because else ""
    return [replace(group, members=m, shaped=True, rows=None, because=told, trace=None) for m in shapes]


def _split(members: Sequence[Candidate], by: Callable[[Candidate], Hashable]) -> list[list[Candidate]]:
    groups: dict[Hashable, list[Candidate]] = {}
    for member in members:
        groups.setdefault(by(member), []).append(member)
    return list(groups.values())


def _data(group: _Group, member: Candidate) -> Leaves:
    """The leaves of a member's data, padded as its group is."""
    if group.rows is None:
        return member.prepared.leaves
    return group.rows.padding(member.prepared)(member.prepared.leaves, group.rows.counts[member.prepared.number])


def _leaves(family: Family, group: _Group, member: Candidate) -> Leaves:
    return _data(group, member) | family.option_leaves(member.universe)


def _program(family: Family, group: _Group, trace: ModelTrace, fixed: dict[str, Any]) -> Program:
    by_data = {m.prepared.number: m for m in group.members}
    datasets = {number: _data(group, m) for number, m in by_data.items()}
    labels = {pair for m in group.members for pair in m.universe.items()}
    leaves = family.leaves(group.largest)
    known = ";".join(f"{path}:{leaves[path].shape}{leaves[path].tobytes().hex()}" for path in group.known)
    why = [family.why, *(f"{spoken(path)} = {describe(value)}" for path, value in fixed.items())]
    return Program(
        id=_digest(f"{family.text}|{signature(next(iter(datasets.values())))}|{known}"),
        why="; ".join(part for part in why if part),
        signature=family.signature(fixed),
        sites=trace.sites,
        members={m.key: Member(m.key, m.universe, m.prepared.number, _kept(group, trace, m)) for m in group.members},
        padding=group.rows.padding(group.largest.prepared) if group.rows is not None else None,
        unpadded_because=group.because,
        datasets=datasets,
        choices={at: family.choices[at].leaves for at in labels if at[0] in family.options},
        original={number: m.prepared for number, m in by_data.items()},
        values={at: family.choices[at].value for at in labels},
        kind="simulator" if isinstance(family.model, OnlySimulates) else "model",
    )


def _kept(group: _Group, trace: ModelTrace, member: Candidate) -> int:
    """How many rows the data of a member have."""
    if group.rows is not None:
        return group.rows.counts[member.prepared.number]
    lengths = {use.length for use in trace.rows}
    return lengths.pop() if len(lengths) == 1 else member.prepared.size


def _grows(family: Family, group: _Group, trace: ModelTrace, fixed: dict[str, Any]) -> str:
    """Why the rows may not be padded, told by the member that drops most: a latent site would grow; empty if none."""
    if group.rows is None:
        return ""
    counts, length = group.rows.counts, group.rows.padding(group.largest.prepared).length
    fewest = min(group.members, key=lambda m: (counts[m.prepared.number], m.key))
    if counts[fewest.prepared.number] == length:
        return ""
    leaves = {path: leaf for path, leaf in family.leaves(fewest).items() if path not in fixed}
    try:
        bare = trace_model(family.signature(fixed), leaves)
    except Exception as error:
        return f"without padding the model raises {said(error)}"
    before = {latent.name: latent for latent in bare.sites.latents}
    grown = [latent.name for latent in trace.sites.latents if before.get(latent.name) != latent]
    return f"padding changes the shape of the latent site {grown[0]!r}" if grown else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _shared(family: Family, group: _Group) -> list[tuple[str, str | None]]:
    """The options that all members of a group have, of decisions where others could have been taken."""
    several = {
        name for name, _ in family.choices if sum(n == name and label is not None for n, label in family.choices) > 1
    }
    return [
        (name, label)
        for name, label in group.largest.universe.items()
        if name in several and all(m.universe[name] == label for m in group.members)
    ]
