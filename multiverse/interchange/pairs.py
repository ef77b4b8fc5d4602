"""Which two options never meet in a universe, and whether such pairs are all there is to say about a space.

multiversum and ASTRA rule out pairs of options.  Pairs are read from the universes and not from the rules, so that
functions, links and rules of options need no cases of their own; and what the pairs leave is counted, so that a file
that would mean more universes than the space has is never written.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from multiverse.errors import Problem, SpaceError
from multiverse.space.decision import Decision
from multiverse.space.diagram import Diagram, Node
from multiverse.space.mistaken_rule import arguments
from multiverse.space.option import Option
from multiverse.space.part import numbered
from multiverse.space.rules import Ask, Forbid, Link, OnlyWhen, OptionRule, Rule
from multiverse.space.space import Space
from multiverse.space.together import Together, together

PAIRS_MOST = 250_000  # that a file is to hold: some 10 MB of it


class FormatError(SpaceError):
    """A space is sound, and a format has no words for it."""


class Choice(NamedTuple):
    """An option: the name of its decision and its label."""

    decision: str
    label: str


class Limit(NamedTuple):
    """What an option asks of one other decision: its label must be among `labels`, or must not be (`needed` False)."""

    option: Choice
    other: str
    labels: tuple[str, ...]
    needed: bool


@dataclass(frozen=True)
class Pairs:
    """nowhere: options in no universe.  limits: what the others ask of decisions declared before their own."""

    nowhere: tuple[Choice, ...]
    limits: tuple[Limit, ...]

    def ruled_out(self, space: Space) -> frozenset[tuple[Choice, Choice]]:
        """The pairs of options that the limits rule out, the one of the later decision first."""
        return frozenset(pair for limit in self.limits for pair in pairs_of(limit, space))


def pairs_of(limit: Limit, space: Space) -> Iterator[tuple[Choice, Choice]]:
    """The pairs of options that a limit rules out, the one of the later decision first."""
    names = list(space.decisions)
    for label in space.decisions[limit.other].labels:
        if (label in limit.labels) is not limit.needed:
            pair = limit.option, Choice(limit.other, label)
            yield pair if names.index(limit.option.decision) > names.index(limit.other) else pair[::-1]


def pairs(space: Space, format: str, conditional: Mapping[str, Ask] | None = None) -> Pairs:
    """What a format that knows pairs only has to say, so that it means the universes of the space.

    format: its name, for messages.  conditional: decision -> the rule by which it applies, in a format that knows such
    decisions; None for one in which all decisions apply always.  There the reference option stands for "does not
    apply".
    Raises FormatError, which names the rules, where no pairs mean these universes.
    """
    pinned = conditional is None
    diagram = _pinned(space) if pinned else space.diagram
    refused = _refused(space, format)
    if diagram is None:
        raise FormatError(refused)
    bare = _bare(space, {} if pinned else conditional or {})
    if bare.check():
        raise FormatError(refused)
    names = tuple(space.decisions)
    with_all, without = together(diagram), together(bare.diagram)
    nowhere = tuple(
        choice
        for place, name in enumerate(names)
        for choice in (Choice(name, label) for label in space.decisions[name].labels)
        if (place, choice.label) not in with_all.number
    )
    never = _never(space, with_all, without)
    if sum(map(len, never.values())) > PAIRS_MOST:
        raise FormatError(refused)
    for choice in nowhere:
        bare = bare.forbid("it is in no universe", {choice.decision: choice.label})
    for (name, other), met in _by_decisions(never).items():
        bare = bare.forbid("they never meet", _NeverMeet(name, other, frozenset(met)))
    if bare.check() or bare.size != diagram.size:
        raise FormatError(refused)
    always = set(names) - set(conditional or {})
    limits = (_limit(space, option, other, met, always, nowhere) for (option, other), met in never.items())
    return Pairs(nowhere, tuple(limits))


def _bare(space: Space, conditional: Mapping[str, Ask]) -> Space:
    """The decisions of a space without what options ask, under no rules but those by which decisions apply."""
    bare = Space(
        {
            name: Decision("any", tuple(Option(label, None) for label in decision.labels), decision.reference)
            for name, decision in space.decisions.items()
        }
    )
    for name, rule in conditional.items():
        bare = bare.only_when(name, rule)
    return bare


def _pinned(space: Space) -> Diagram | None:
    """The universes where a decision that does not apply has its reference option; None where two would be the same."""
    diagram = space.diagram
    references = [decision.reference for decision in space.decisions.values()]
    made: dict[Node, Node] = {}

    def below(node: Node, depth: int) -> Node | None:
        if depth == len(diagram.places):
            return node
        if node in made:
            return made[node]
        reference = references[diagram.places[depth]]
        labels = tuple(reference if label is None else label for label in node.labels)
        children = [below(child, depth + 1) for child in node.children]
        if len(set(labels)) < len(labels) or None in children:
            return None
        made[node] = Node(labels, tuple(child for child in children if child is not None))
        return made[node]

    root = below(diagram.root, 0)
    return None if root is None else replace(diagram, root=root)


def _never(space: Space, all_rules: Together, few_rules: Together) -> dict[tuple[Choice, str], set[str]]:
    """(option, an earlier decision) -> the labels that it never meets, though by the few rules alone it would."""
    names = tuple(space.decisions)
    found: dict[tuple[Choice, str], set[str]] = {}
    for i, item in enumerate(all_rules.items):
        could = few_rules.beside[few_rules.number[item]]
        for j, other in enumerate(all_rules.items):
            if other.place >= item.place or all_rules.beside[i] >> j & 1:
                continue
            if could >> few_rules.number[other] & 1:
                key = Choice(names[item.place], item.label), names[other.place]
                found.setdefault(key, set()).add(other.label)
    return found


def _limit(
    space: Space, option: Choice, other: str, met: set[str], always: set[str], nowhere: tuple[Choice, ...]
) -> Limit:
    """The pairs of an option with another decision: by the one label that it needs, else by those it never meets."""
    labels = space.decisions[other].labels
    left = tuple(label for label in labels if label not in met and Choice(other, label) not in nowhere)
    if len(left) == 1 and other in always:
        return Limit(option, other, left, True)
    return Limit(option, other, tuple(label for label in labels if label in met), False)


def _by_decisions(never: Mapping[tuple[Choice, str], set[str]]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for (option, other), met in never.items():
        found.setdefault((option.decision, other), set()).update((option.label, label) for label in met)
    return found


class _NeverMeet:
    """A rule on two decisions by the pairs of labels for which it is true."""

    def __init__(self, name: str, other: str, met: frozenset[tuple[str, str]]):
        self.names, self.met = (name, other), met
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in self.names])

    def __call__(self, *labels: str | None) -> bool:
        return labels in self.met


def _refused(space: Space, format: str) -> list[Problem]:
    """That pairs of options do not say it, a problem for each rule that may be why."""
    rules = numbered([part.rules for part in space.parts])[0]
    guilty = [rule for rule in rules if len(_looks_at(rule, space)) > 2] or list(rules)
    mend = "Say it by rules that look at two decisions each, or merge two of the decisions into one."
    expected = f"rules that exclude pairs of options: {format} has no others"
    if len(space.parts) > 1:
        return [
            Problem(
                f"this is a union of {len(space.parts)} spaces, whose universes pairs of options do not tell apart.",
                expected,
                "Write each of the spaces to a file of its own, and take their union after reading.",
            )
        ]
    said = [(f"{rule} looks at {_and(_looks_at(rule, space))} together", rule) for rule in guilty]
    return [
        Problem(f"{what}." if isinstance(rule, Forbid) else f"{what} ({rule.why}).", expected, mend)
        for what, rule in said
    ]


def _looks_at(rule: Rule, space: Space) -> list[str]:
    """The decisions that a rule ties together."""
    if isinstance(rule, Link):
        return list(rule.decisions)
    own = [rule.decision] if isinstance(rule, OnlyWhen | OptionRule) else []
    return list(dict.fromkeys([*own, *arguments(rule, space.decisions)[0].names]))


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
