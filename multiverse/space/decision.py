"""A decision and its options: one thing an analyst must choose, and the defensible values of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from multiverse.errors import Problem, SpaceError, near_miss
from multiverse.space.condition import Labels
from multiverse.space.option import NOTHING, Option, call_of, listed, mistakes, unknown

Asked = Mapping[str, Labels] | Callable[..., object]  # what one option asks of other decisions

TOLD = {
    "why": "its reason",
    "plausibility": "its weight",
    "requires": "what it needs of other decisions",
    "incompatible_with": "what it does not go with",
}


@dataclass(frozen=True, eq=False)
class Decision:
    """One thing an analyst must choose: a kind, the options in their order, and the label of the reference.

    `rationale`: why there is something to choose at all, where somebody wrote it down; options have their own.
    Raises SpaceError with all mistakes in labels, plausibilities and reference at once.
    """

    kind: str
    options: tuple[Option, ...]
    reference: str
    rationale: str | None = None

    def __post_init__(self) -> None:
        if problems := mistakes(self.kind, self.options, self.reference):
            raise SpaceError(problems)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of the options, in their order."""
        return tuple(option.label for option in self.options)

    @cached_property
    def by_label(self) -> Mapping[str, Option]:
        """The options by their labels, in their order."""
        return {option.label: option for option in self.options}

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """Label -> plausibility on the scale where they sum to 1; equal shares where none was given."""
        weights = [1.0 if option.plausibility is None else float(option.plausibility) for option in self.options]
        top = max(weights)  # divided out first: the sum of large weights may overflow
        total = math.fsum(weight / top for weight in weights)
        return {label: weight / top / total for label, weight in zip(self.labels, weights, strict=True)}

    def option(self, label: str) -> Option:
        """The option with this label.  Raises SpaceError where there is none, and names the near miss."""
        if (found := self.by_label.get(label)) is not None:
            return found
        raise SpaceError(
            Problem(
                f"{label!r} is not an option of this {self.kind} decision.",
                f"one of {listed(self.labels)}",
                f"{near_miss(str(label), self.labels)}Write the label as it was declared.",
            )
        )

    def only(self, label: str | None = None) -> Decision:
        """The decision with this option alone, which asks nothing of others; with the reference if no label is given.

        Raises SpaceError where there is no such option.
        """
        option = self.option(self.reference if label is None else label)
        alone = replace(option, requires=NOTHING, incompatible_with=NOTHING)
        return replace(self, options=(alone,), reference=option.label)


def decision(
    kind: str,
    options: Mapping[str, Any] | None = None,
    /,
    *,
    why: Mapping[str, str] | None = None,
    plausibility: Mapping[str, float] | None = None,
    reference: str | None = None,
    requires: Mapping[str, Asked] | None = None,
    incompatible_with: Mapping[str, Asked] | None = None,
    **named: Any,
) -> Decision:
    """A decision of any kind, for example `decision("data", {"survey 2019": ..., "survey 2021": ...})`.

    Options are given by keyword (`weak=...`) or as one mapping from label to value, not both.  An option called
    `why`, `plausibility`, `reference`, `requires` or `incompatible_with` needs the mapping: these keywords are taken.

    why: label -> the reason that makes the option defensible.
    plausibility: label -> weight at least 0, on any scale; for all of the options or for none.
    reference: label of the option in the analysis that would have been published; the first one if not given.
    requires: label -> what must hold beside it, `{"heavy": {"family": "student"}}`: every decision that is named has
        that label, or one of those. Or label -> a rule, a function of labels as in `Space.forbid`.
    incompatible_with: label -> what does not go with it, in the same words: none of the labels that are named.

    Raises SpaceError with all mistakes found, not only the first.
    """
    problems: list[Problem] = []
    call = call_of(kind)
    unlabelled = options is not None and not isinstance(options, Mapping)
    if unlabelled:
        problems.append(
            Problem(
                f"{call} was given a {type(options).__name__}, which has no labels.",
                "options by keyword, or one mapping from label to value",
                f'Write `{call[:-4]}{{"a label": ..., "another label": ...}})`.',
            )
        )
    values: dict[str, Any] = dict(options) if isinstance(options, Mapping) else {}
    if isinstance(options, Mapping) and named:
        problems.append(
            Problem(
                f"{call} was given a mapping ({listed(options)}) and keywords ({listed(named)}).",
                "options as a mapping or by keyword, not both",
                f"Move {listed(named)} into the mapping.",
            )
        )
    values |= named
    reasons = _told(call, "why", why, values, problems)
    weights = _told(call, "plausibility", plausibility, values, problems)
    needs = _told(call, "requires", requires, values, problems)
    foes = _told(call, "incompatible_with", incompatible_with, values, problems)
    made = tuple(
        Option(
            label,
            value,
            reasons.get(label),
            weights.get(label),
            needs.get(label, NOTHING),
            foes.get(label, NOTHING),
        )
        for label, value in values.items()
    )
    chosen = reference if reference is not None else next(iter(values), "")
    if not unlabelled or made:
        spelt_well = all(label in values for label in plausibility) if isinstance(plausibility, Mapping) else True
        problems += mistakes(kind, made, chosen, gaps_are_mistakes=spelt_well)
    if problems:
        raise SpaceError(problems)
    return Decision(kind, made, chosen)


def preprocessing(
    options: Mapping[str, Any] | None = None,
    /,
    *,
    why: Mapping[str, str] | None = None,
    plausibility: Mapping[str, float] | None = None,
    reference: str | None = None,
    requires: Mapping[str, Asked] | None = None,
    incompatible_with: Mapping[str, Asked] | None = None,
    **named: Any,
) -> Decision:
    """A decision about the data before the model sees them; arguments and errors as in `decision`."""
    return decision(
        "preprocessing",
        options,
        why=why,
        plausibility=plausibility,
        reference=reference,
        requires=requires,
        incompatible_with=incompatible_with,
        **named,
    )


def prior(
    options: Mapping[str, Any] | None = None,
    /,
    *,
    why: Mapping[str, str] | None = None,
    plausibility: Mapping[str, float] | None = None,
    reference: str | None = None,
    requires: Mapping[str, Asked] | None = None,
    incompatible_with: Mapping[str, Asked] | None = None,
    **named: Any,
) -> Decision:
    """A decision about a prior, `prior(weak=Normal(0, 10), sceptical=Normal(0, 0.5))`; arguments as in `decision`."""
    return decision(
        "prior",
        options,
        why=why,
        plausibility=plausibility,
        reference=reference,
        requires=requires,
        incompatible_with=incompatible_with,
        **named,
    )


def likelihood(
    options: Mapping[str, Any] | None = None,
    /,
    *,
    why: Mapping[str, str] | None = None,
    plausibility: Mapping[str, float] | None = None,
    reference: str | None = None,
    requires: Mapping[str, Asked] | None = None,
    incompatible_with: Mapping[str, Asked] | None = None,
    **named: Any,
) -> Decision:
    """A decision about how the data arise from the parameters; arguments and errors as in `decision`."""
    return decision(
        "likelihood",
        options,
        why=why,
        plausibility=plausibility,
        reference=reference,
        requires=requires,
        incompatible_with=incompatible_with,
        **named,
    )


def parameterization(
    options: Mapping[str, Any] | None = None,
    /,
    *,
    why: Mapping[str, str] | None = None,
    plausibility: Mapping[str, float] | None = None,
    reference: str | None = None,
    requires: Mapping[str, Asked] | None = None,
    incompatible_with: Mapping[str, Asked] | None = None,
    **named: Any,
) -> Decision:
    """A decision that changes how the posterior is reached, not what it is; arguments and errors as in `decision`."""
    return decision(
        "parameterization",
        options,
        why=why,
        plausibility=plausibility,
        reference=reference,
        requires=requires,
        incompatible_with=incompatible_with,
        **named,
    )


def _told(
    call: str, keyword: str, told: object, values: Mapping[str, Any], problems: list[Problem]
) -> Mapping[str, Any]:
    """What a keyword such as `why=` says by label; its mistakes go to `problems`."""
    if told is None:
        return {}
    if not isinstance(told, Mapping):
        problems.append(
            Problem(
                f"{call}: `{keyword}` is {told!r}, a {type(told).__name__}.",
                f"a mapping from option label to {TOLD[keyword]}",
                f"Write `{keyword}={{{next(iter(values), 'label')!r}: ...}}`; "
                f"for an option called {keyword!r}, give the options as a mapping.",
            )
        )
        return {}
    for label in told:
        if label not in values:
            problems.append(unknown(call, keyword, label, values))
    return told
