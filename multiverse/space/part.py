"""A part of a space: decisions and the rules among them.  A union has several, any other space has one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from multiverse.space.decision import Decision
from multiverse.space.rules import Link, Rule, option_rules


@dataclass(frozen=True, eq=False)
class Part:
    """Decisions with the options that this part offers, and the rules that hold in it, as declared.

    A decision of the space that is not among them applies in no universe of this part.
    """

    decisions: Mapping[str, Decision]
    declared: tuple[Rule, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules that hold here: what options ask of others, then what was declared."""
        return (*option_rules(self.decisions), *self.declared)

    def having(self, rule: Rule) -> Part:
        """The part with one more rule."""
        return replace(self, declared=(*self.declared, rule))

    def chosen(self, decisions: Mapping[str, Decision], changes: Mapping[str, str]) -> list[str] | None:
        """A label for every decision of the space: the changes, what is linked to them, else the reference option.

        None where this part does not offer a label that is wanted.  Where the part lacks the space's reference option,
        it is the part's own.
        """
        wanted = self._moved(changes)
        if any(name not in self.decisions or wanted[name] not in self.decisions[name].by_label for name in wanted):
            return None
        found = []
        for name, decision in decisions.items():
            own = self.decisions.get(name, decision)
            usual = decision.reference if decision.reference in own.by_label else own.reference
            found.append(wanted.get(name, usual))
        return found

    def _moved(self, changes: Mapping[str, str]) -> dict[str, str]:
        """These changes, and those of the decisions that move with them."""
        moved = dict(changes)
        links = [rule for rule in self.declared if isinstance(rule, Link)]
        for _ in links:  # a decision may be in several links
            for link in links:
                members = [(n, own) for n, own in zip(link.decisions, link.labels, strict=True) if n in self.decisions]
                option = next((own.index(moved[name]) for name, own in members if moved.get(name) in own), None)
                if option is not None:
                    moved = {name: own[option] for name, own in members} | moved
        return moved


def numbered(rules: Iterable[Sequence[Rule]]) -> tuple[tuple[Rule, ...], list[frozenset[int]]]:
    """The rules of several parts, in order, and the numbers of those that each has; what parts share counts once."""
    found: dict[Hashable, int] = {}
    every: list[Rule] = []
    numbers = []
    for own in rules:
        for rule in own:
            if found.setdefault(_who(rule), len(every)) == len(every):
                every.append(rule)
        numbers.append(frozenset(found[_who(rule)] for rule in own))
    return tuple(every), numbers


def _who(rule: Rule) -> Hashable:
    """The rule itself, or where it asks something that has no hash, this very object."""
    try:
        hash(rule)
    except TypeError:
        return id(rule)
    return rule
