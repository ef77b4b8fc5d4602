"""What a rule asks for, and all that is wrong with a rule before it is asked anything."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping

from multiverse.errors import Problem, near_miss
from multiverse.space.condition import When, mistakes
from multiverse.space.decision import Decision
from multiverse.space.rules import Arguments, Forbid, Link, OnlyWhen, OptionRule, Rule


def mistaken_rule(rule: Rule, decisions: Mapping[str, Decision]) -> tuple[Arguments, list[Problem]]:
    """The decisions that a rule asks for, and its mistakes; the arguments are usable only where there are none.

    decisions: those of the space, or of the parts of a union that have the rule.
    """
    if isinstance(rule, Link):
        return Arguments((), rule.decisions), _mistaken_link(rule, decisions)
    asked, problems = arguments(rule, decisions)
    if isinstance(rule.rule, When):
        labels = {name: decision.labels for name, decision in decisions.items()}
        who = f"`{_keyword(rule)}` of {rule}" if isinstance(rule, OptionRule) else f"the rule of {rule}"
        problems += mistakes(who, rule.rule, labels)
    if isinstance(rule, OnlyWhen):
        problems += _mistaken_only_when(rule, decisions)
    elif isinstance(rule, OptionRule):
        problems += _mistaken_option_rule(rule)
    elif not (isinstance(rule.why, str) and rule.why.strip()):
        problems.append(
            Problem(
                f"{rule} gives no reason: `why` is {rule.why!r}.",
                "a sentence that says to a reader what is wrong with the universes that are ruled out",
                'Write `.forbid("five homes leave no zeros to log", lambda ...: ...)`.',
            )
        )
    return asked, problems


def _keyword(rule: OptionRule) -> str:
    return "requires" if rule.needed else "incompatible_with"


def _mistaken_only_when(rule: OnlyWhen, decisions: Mapping[str, Decision]) -> list[Problem]:
    if rule.decision in decisions:
        return []
    return [
        Problem(
            f"{rule} names {rule.decision!r}, which is not a decision of the space.",
            f"one of: {', '.join(map(str, decisions)) or 'none, the space has no decisions'}",
            f"{near_miss(str(rule.decision), map(str, decisions))}Rename it, or add the decision to the space.",
        )
    ]


def _mistaken_option_rule(rule: OptionRule) -> list[Problem]:
    if not (isinstance(rule.rule, When) and rule.decision in rule.rule):
        return []
    return [
        Problem(
            f"`{_keyword(rule)}` of {rule} names its own decision, {rule.decision!r}.",
            "other decisions: one decision has one option in a universe as it is",
            f"Leave {rule.decision!r} out.",
        )
    ]


def _mistaken_link(rule: Link, decisions: Mapping[str, Decision]) -> list[Problem]:
    unknown = [name for name in rule.decisions if name not in decisions]
    problems = [
        Problem(
            f"{rule} names {name!r}, which is not a decision of the space.",
            f"one of: {', '.join(map(str, decisions)) or 'none, the space has no decisions'}",
            f"{near_miss(str(name), map(str, decisions))}Rename it, or add the decision to the space.",
        )
        for name in unknown
    ]
    if len(set(rule.decisions)) < len(rule.decisions) or len(rule.decisions) < 2:
        problems.append(
            Problem(
                f"{rule} names {'a decision twice' if rule.decisions[1:] else 'no other decision'}.",
                "two or more different decisions, which move together",
                f"Write `.link({', '.join(map(repr, [*map(str, decisions), 'a', 'b'][:2]))})`.",
            )
        )
    counts = {
        name: len(labels) for name, labels in zip(rule.decisions, rule.labels, strict=True) if name not in unknown
    }
    if len(set(counts.values())) > 1:
        problems.append(
            Problem(
                f"{rule}: {', '.join(f'{name!r} has {n} options' for name, n in counts.items())}.",
                "as many options in each: the first goes with the first, the second with the second",
                "Add or leave out options, or say with `forbid` what does not go together.",
            )
        )
    return problems


def arguments(rule: Forbid | OnlyWhen | OptionRule, decisions: Collection[str]) -> tuple[Arguments, list[Problem]]:
    """The decisions that a rule asks for, and the mistakes in how it asks.

    The arguments are usable only where the list is empty.
    """
    if isinstance(rule.rule, When):
        return Arguments((), tuple(rule.rule)), []  # what is wrong with it is for `condition.mistakes`
    asked = f"the rule of {rule}"
    example = f"lambda {next(iter(decisions), 'decision')}: ..."
    try:
        parameters = list(inspect.signature(rule.rule).parameters.values())
    except (TypeError, ValueError):  # not callable at all / a builtin without a signature
        what = "has no readable parameters" if callable(rule.rule) else "cannot be called"
        mend = f"Write `{example}` in its place."
        return Arguments((), ()), [Problem(f"{asked} is {rule.rule!r}, which {what}.", "a function of decisions", mend)]
    problems: list[Problem] = []
    names: dict[bool, list[str]] = {True: [], False: []}
    for parameter in parameters:
        name, known = parameter.name, parameter.name in decisions
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            problems.append(
                Problem(
                    f"{asked} takes `{parameter}`, which names no decision.",
                    "each decision by its own name",
                    f"Name the decisions that it looks at, for example `{example}`.",
                )
            )
        elif parameter.default is not parameter.empty:
            if known:  # the label of the universe, or the default? Either reading is wrong for somebody.
                problems.append(
                    Problem(
                        f"{asked} gives the decision {name!r} a default.",
                        "decisions without defaults; a default marks a parameter that is not a decision",
                        f"Remove the default, or rename the parameter: `_{name}={parameter.default!r}`.",
                    )
                )
        else:
            if not known:
                problems.append(_unknown(asked, name, decisions))
            names[parameter.kind is not parameter.KEYWORD_ONLY].append(name)
    if not problems and not names[True] and not names[False]:
        problems.append(
            Problem(
                f"{asked} asks for no decision.", "at least one parameter named like a decision", f"Write `{example}`."
            )
        )
    return Arguments(tuple(names[True]), tuple(names[False])), problems


def _unknown(asked: str, name: str, decisions: Collection[str]) -> Problem:
    return Problem(
        f"{asked} asks for {name!r}, which is not a decision of the space.",
        f"parameters among: {', '.join(map(str, decisions)) or 'none, the space has no decisions'}",
        f"{near_miss(name, map(str, decisions))}Rename the parameter, or add the decision {name!r} to the space.",
    )
