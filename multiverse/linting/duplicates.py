"""Universes that repeat another: what makes them the same, in words, and how to leave them out of the space."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from multiverse.linting.answers import answers, data_of
from multiverse.linting.finding import NAMED, Finding, finding
from multiverse.linting.repeats import Repeats, repeats
from multiverse.planning.bind import Binding, bind, called, keywords
from multiverse.planning.plan import Plan
from multiverse.space.counted import counted
from multiverse.space.option import listed

NAMES = {
    "decision": "decision without effect",
    "options": "options without a difference",
    "idle": "decision without effect under an option",
    "other": "duplicate universes",
}


def duplicates(plan: Plan) -> Iterator[Finding]:
    """The universes that repeat another, by cause. Each is counted once, whatever the number of causes."""
    found = repeats(plan.universes, answers(plan))
    if not found:
        return
    told = _Told(plan, bind(plan.study)[0], data_of(plan))
    conditional: set[tuple[str, str]] = set()  # a decision and the one whose options decide on it
    for one in found:
        keys = [key for key, _ in one.pairs]
        # Two decisions cannot each apply only when the other does: the second is mended by a rule of another kind.
        mend = told.mend(one, applies_by_rule=(one.where, one.decision) not in conditional)
        conditional |= {(one.decision, one.where)}
        yield finding(plan, NAMES[one.cause], told.what(one), keys, mend, text=told.named(one))


class _Told(NamedTuple):
    """What it takes to put repeats into words."""

    plan: Plan
    binding: Binding
    data: Mapping[str, str]

    def what(self, one: Repeats) -> str:
        """What is the same, why, and how many universes it repeats."""
        where = f" where {one.where!r} is {_either(one.at)}" if one.where else ""
        repeat = "repeats another" if len(one.pairs) == 1 else "repeat others"
        count = f"{counted(len(one.pairs), 'universe')} of {len(self.plan):,} {repeat}"
        if one.cause == "other":
            return f"{count}, though no single decision is to blame: {self._because(one)}.{self._shared(one)}"
        if one.cause == "decision" or self._is_whole(one):
            taken = self.plan.selection  # what a design leaves out may show that the decision does something
            part = " in this part of the space" if taken is not None and not taken.whole else ""
            subject = f"the decision {one.decision!r} changes nothing{part}"
        else:
            subject = f"the options {' and '.join(map(repr, one.labels))} of {one.decision!r} are the same"
        return f"{subject}{where}: {self._because(one)}. So {count}.{self._shared(one)}"

    def mend(self, one: Repeats, *, applies_by_rule: bool = True) -> str:
        """How to have each analysis once. applies_by_rule: whether `only_when` may be the way."""
        name = one.decision
        if one.cause == "other":
            return 'keep one of each: `space.forbid("the same as another", {...})`, with the labels of the others'
        if one.cause == "decision":
            return f"let {' and '.join(self._takers(name))} use {name!r}, or leave it out of the space"
        decision = self.plan.study.space.decisions[name]
        kept = decision.reference if decision.reference in one.labels else one.labels[0]
        others = [label for label in one.labels if label != kept]
        if one.cause == "options":
            return f"leave {listed(others)} out of {name!r}, or give {'it' if len(others) == 1 else 'them'} an effect"
        elsewhere = [label for label in self.plan.study.space.decisions[one.where].labels if label not in one.at]
        none_is_free = all(option.value is not None for option in decision.options)
        if applies_by_rule and none_is_free and elsewhere and self._is_whole(one) and not self._without(one):
            rule = f'`space.only_when("{name}", {{"{one.where}": {_written(elsewhere)}}})`'
            return f"{rule}; elsewhere {' and '.join(self._takers(name))} is given `{name}=None`"
        rule = f'{{"{one.where}": {_written(one.at)}, "{name}": {_written(others)}}}'
        return f"`space.forbid({_text(f'the same as {kept!r}')}, {rule})`"

    def named(self, one: Repeats) -> str:
        """Some of the repeats, each with what another universe has in its place."""
        said = []
        for key, other in one.pairs[:NAMED]:
            mine, theirs = self.plan.universes[key], self.plan.universes[other]
            instead = [f"{name}={theirs[name]}" for name in mine if mine[name] != theirs[name]]
            labels = ", ".join(f"{name}={label}" for name, label in mine.active.items())
            said.append(f"{labels} (the same with {', '.join(instead)})")
        more = len(one.pairs) - len(said)
        return "; ".join([*said, *([f"and {more:,} more"] if more else [])])

    def _is_whole(self, one: Repeats) -> bool:
        """Whether the decision has no other options where the other one has one of these."""
        universes = self.plan.universes.values()
        labels = {u[one.decision] for u in universes if not one.where or u[one.where] in one.at}
        return labels - {None} == set(one.labels)

    def _without(self, one: Repeats) -> bool:
        """Whether the decision applies somewhere where the other one does not."""
        return any(u[one.where] is None and u[one.decision] is not None for u in self.plan.universes.values())

    def _takers(self, name: str) -> list[str]:
        """The functions that take a decision."""
        steps = zip(self.plan.study.steps, self.binding.steps, strict=True)
        takers = [f"{called(step)}()" for step, takes in steps if name in takes]
        takes_it = name in self.binding.analysis or name in self.binding.reparam
        functions = self.plan.study.functions.values()
        own = [f for f in functions if len(functions) == 1 or name in keywords(f)]
        return [*takers, *(f"{called(function)}()" for function in own if takes_it)]

    def _because(self, one: Repeats) -> str:
        study, name = self.plan.study, one.decision
        analysis = f"{called(study.analysis)}()"
        same_data = all(self.data[a] == self.data[b] for a, b in one.pairs)
        reasons = []
        if one.cause == "other":
            reasons.append(
                "the prepared data are equal" if same_data else f"the data differ where {analysis} does not look"
            )
            reasons.append("so are the arguments that matter")
        if name in self.binding.prepare:
            reasons.append("the prepared data are equal" if same_data else f"no data change that {analysis} looks at")
        if name in self.binding.analysis:
            what = f"the log joint of {analysis}" if study.model is not None else f"what {analysis} returns"
            reasons.append(f"{what} does not depend on it")
        if name in self.binding.reparam:
            reasons.append("the reparameterized model is the one that was there")
        return " and ".join(reasons)

    def _shared(self, one: Repeats) -> str:
        twins = self.plan.twins
        exact = sum(twins.get(a, a) == twins.get(b, b) for a, b in one.pairs)
        if exact == len(one.pairs):
            return f" {'It is' if exact == 1 else 'They are'} run once, and shared."
        noise = "" if self.plan.study.is_function else ", so that their answers differ by Monte Carlo error"
        if not exact:
            return f" Each is run by itself{noise}."
        return f" {exact:,} of them are run once, and shared; the others are run by themselves{noise}."


def _either(labels: Sequence[str]) -> str:
    return " or ".join(map(repr, labels))


def _written(labels: Sequence[str]) -> str:
    """Labels as a rule takes them: one, or a list."""
    shown = list(map(_text, labels))
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"


def _text(text: str) -> str:
    """A text as code, in double quotes."""
    return json.dumps(text, ensure_ascii=False)
