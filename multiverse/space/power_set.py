"""A decision whose options are sets of covariates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from multiverse.errors import Problem, SpaceError, near_miss
from multiverse.space.counted import counted
from multiverse.space.decision import Decision, decision

NONE = "none"  # the label of the empty set
JOIN = " + "  # between the names in a label
OPTIONS_MOST = 4096  # 2^12 sets; more fit no figure, and each is fingerprinted

Unit = tuple[str, ...]  # covariates that enter or stay out together


def power_set(
    covariates: Iterable[str],
    /,
    *,
    always: Iterable[str] = (),
    together: Iterable[Iterable[str]] = (),
    at_least: int = 0,
    at_most: int | None = None,
    reference: str | Iterable[str] | None = None,
    kind: str = "covariates",
    as_mask: bool = False,
    why: Mapping[str, str] | None = None,
    plausibility: Mapping[str, float] | None = None,
) -> Decision:
    """A decision with an option for each set of covariates, small sets first, labelled "age + sex"; or "none".

    covariates: names, in the order that labels and values keep. always: those that every set has. together: groups that
    enter as a whole or not at all. at_least, at_most: how many covariates a set has, all counted. reference: the label
    or the names of the set in the analysis that would have been published; the first option if not given. why,
    plausibility: by label, as in `decision`.

    The value of an option is a tuple of names. Names are structure: each set compiles a program of its own. With
    `as_mask` it is a float array (covariate,), 1.0 for those in the set: numbers are leaves, so all sets share one
    program, as in `level + data["x"] @ (mask * coefficients)`.

    Raises SpaceError with all mistakes found, and where there would be more than OPTIONS_MOST sets.
    """
    names, fixed, groups = _listed(covariates), _listed(always), [_listed(group) for group in together]
    chosen = reference if reference is None or isinstance(reference, str) else _listed(reference)
    asked = {"always": fixed, "reference": chosen if isinstance(chosen, tuple) else ()}
    problems = [*_mistaken_names(names), *_mistaken_sizes(at_least, at_most)]
    for keyword, given in [*asked.items(), *(("together", group) for group in groups)]:
        problems += _strangers(keyword, given, names)
    problems += _overlaps(groups)
    if problems:
        raise SpaceError(problems)
    start, units = _units(names, fixed, groups)
    counts = _counts(len(start), [len(unit) for unit in units])
    most = len(names) if at_most is None else min(at_most, len(names))
    if not 0 < sum(counts[at_least : most + 1]) <= OPTIONS_MOST:
        raise SpaceError(_none_or_too_many(at_least, most, counts))
    place = {name: i for i, name in enumerate(names)}
    sets = [sorted(place[name] for name in found) for found in _sets(start, units, at_least, most)]
    values: dict[str, Any] = {}
    for places in sorted(sets, key=lambda places: (len(places), places)):
        those = tuple(names[i] for i in places)
        values[_label(those)] = _mask(places, len(names)) if as_mask else those
    if isinstance(chosen, tuple):
        chosen = _label(sorted(chosen, key=place.__getitem__))
    return decision(kind, values, why=why, plausibility=plausibility, reference=chosen)


def _listed(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _label(names: Sequence[str]) -> str:
    return JOIN.join(names) or NONE


def _mask(places: Sequence[int], length: int) -> Any:
    import numpy as np

    mask = np.zeros(length)
    mask[list(places)] = 1.0
    mask.flags.writeable = False
    return mask


def _units(names: Sequence[str], fixed: Sequence[str], groups: Sequence[Unit]) -> tuple[Unit, list[Unit]]:
    """What every set has, and what enters or stays out as one: a group with a fixed member is there as a whole."""
    group_of = {name: group for group in groups for name in group}
    start = dict.fromkeys(name for one in fixed for name in group_of.get(one, (one,)))
    free = dict.fromkeys(group_of.get(name, (name,)) for name in names if name not in start)
    return tuple(start), list(free)


def _counts(start: int, sizes: Sequence[int]) -> list[int]:
    """(size,) how many sets have so many covariates; counted without making them."""
    counts = [0] * (start + sum(sizes) + 1)
    counts[start] = 1
    for size in sizes:
        for total in range(len(counts) - 1, size - 1, -1):
            counts[total] += counts[total - size]
    return counts


def _sets(chosen: Unit, units: Sequence[Unit], at_least: int, at_most: int) -> Iterator[Unit]:
    """Each set of a size between the two; none is begun that could not end there."""
    if len(chosen) > at_most or len(chosen) + sum(map(len, units)) < at_least:
        return
    if not units:
        yield chosen
        return
    yield from _sets(chosen, units[1:], at_least, at_most)
    yield from _sets((*chosen, *units[0]), units[1:], at_least, at_most)


def _mistaken_names(names: Sequence[str]) -> list[Problem]:
    problems = []
    if not names:
        problems.append(Problem("power_set was given no covariates.", "at least one name", 'power_set(["age", "sex"])'))
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name.strip() or name == NONE or JOIN in name:
            what = f"power_set was given the covariate {name!r}."
            expected = f"a name that makes readable labels: not empty, not {NONE!r}, without {JOIN!r}"
            problems.append(Problem(what, expected, "Rename it"))
        elif name in names[:i]:
            problems.append(Problem(f"power_set was given {name!r} twice.", "each covariate once", "Remove one"))
    return problems


def _mistaken_sizes(at_least: object, at_most: object) -> list[Problem]:
    given = {"at_least": at_least} | ({} if at_most is None else {"at_most": at_most})
    return [
        Problem(f"power_set: {keyword} is {size!r}.", "a number of covariates: 0 or more", f"{keyword}=2")
        for keyword, size in given.items()
        if not isinstance(size, int) or isinstance(size, bool) or size < 0
    ]


def _strangers(keyword: str, given: Sequence[str], names: Sequence[str]) -> list[Problem]:
    return [
        Problem(
            f"power_set: `{keyword}` names {name!r}, which is not among the covariates.",
            f"one of: {', '.join(map(repr, names))}",
            f"{near_miss(str(name), map(str, names))}Add it to the covariates, or rename it",
        )
        for name in given
        if name not in names
    ]


def _overlaps(groups: Sequence[Unit]) -> list[Problem]:
    problems = []
    for i, group in enumerate(groups):
        for name in group:
            if any(name in other for other in groups[:i]):
                what = f"power_set: {name!r} is in two groups of `together`."
                mend = f"Make one group of them: {tuple(dict.fromkeys(n for g in groups if name in g for n in g))!r}"
                problems.append(Problem(what, "groups that have nothing in common", mend))
    return problems


def _none_or_too_many(at_least: int, at_most: int, counts: Sequence[int]) -> Problem:
    if not (found := sum(counts[at_least : at_most + 1])):
        possible = [size for size, count in enumerate(counts) if count]
        return Problem(
            f"power_set: no set has at_least={at_least} and at_most={at_most} covariates.",
            f"a size that there is: {', '.join(map(str, possible))} (`always` and whole groups counted)",
            f"at_least={possible[0]}, at_most={possible[-1]}",
        )
    fits = [size for size in range(at_least, at_most) if 0 < sum(counts[at_least : size + 1]) <= OPTIONS_MOST]
    fewer = f"at_most={fits[-1]} leaves {sum(counts[at_least : fits[-1] + 1]):,}; " if fits else ""
    return Problem(
        f"power_set would make {counted(found, 'option')}.",
        f"at most {OPTIONS_MOST:,}",
        f"{fewer}or let some covariates enter `together` or `always`, or give each a decision of its own, "
        '`age=decision("covariates", {"out": 0.0, "in": 1.0})`, and plan a part of that space: '
        "`plan(study, design=designs.random(500))`",
    )
