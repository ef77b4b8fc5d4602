"""A condition on labels as data: rules that can be written to a file, compared, and asked one decision at a time."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from multiverse.errors import Problem, near_miss

Labels = str | Sequence[str]  # as people write it: `"student"` or `["student", "cauchy"]`


@dataclass(frozen=True, eq=False)
class When(Mapping[str, tuple[str, ...]]):
    """True where every decision it names has one of these labels; a decision that does not apply has none.

    `When({"family": "student", "counties": ["all", "five homes or more"]})`.  It is a mapping from decision to labels,
    and a rule: called with the labels of its decisions by keyword, it says true or false.
    """

    labels: Mapping[str, Any]  # what was given; tuples of labels once it is made

    def __post_init__(self) -> None:
        known = {name: _as_tuple(labels) for name, labels in self.labels.items()}
        object.__setattr__(self, "labels", known)
        if all(isinstance(name, str) and name.isidentifier() for name in known):
            kind = inspect.Parameter.KEYWORD_ONLY
            asked = inspect.Signature([inspect.Parameter(name, kind) for name in known])
            object.__setattr__(self, "__signature__", asked)

    def __call__(self, **labels: str | None) -> bool:
        """Whether each decision that it names has one of its labels."""
        return all(labels[name] in wanted for name, wanted in self.labels.items())

    def __getitem__(self, name: str) -> tuple[str, ...]:
        found: tuple[str, ...] = self.labels[name]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __hash__(self) -> int:
        return hash(frozenset(self.labels.items()))

    def __str__(self) -> str:
        return " and ".join(f"{name} is {' or '.join(map(repr, labels))}" for name, labels in self.labels.items())

    def __reduce__(self) -> tuple[Any, ...]:
        return When, (dict(self.labels),)


def _as_tuple(labels: Any) -> Any:
    """One label or several as a tuple; what is neither stays as it is, for `mistakes` to name."""
    if isinstance(labels, str):
        return (labels,)
    if isinstance(labels, Set):  # a set has another order in every process
        return tuple(sorted(labels, key=str))
    return tuple(labels) if isinstance(labels, Collection) and not isinstance(labels, Mapping) else labels


def mistakes(asked: str, condition: When, labels: Mapping[str, tuple[str, ...]]) -> list[Problem]:
    """What is wrong with a condition in a space of these decisions, each with the labels of its options.

    asked: who asks, as the subject of a sentence: `the rule of only_when('tail')`.
    """
    problems: list[Problem] = []
    if not condition:
        first = next(iter(labels), "decision")
        problems.append(
            Problem(
                f"{asked} is an empty mapping, which asks nothing.",
                "at least one decision with the labels that count",
                f"Write `{{{first!r}: {next(iter(labels.get(first, ())), 'label')!r}}}`.",
            )
        )
    for name, wanted in condition.items():
        if name not in labels:
            problems.append(
                Problem(
                    f"{asked} names {name!r}, which is not a decision of the space.",
                    f"one of: {', '.join(map(str, labels)) or 'none, the space has no decisions'}",
                    f"{near_miss(str(name), map(str, labels))}Rename it, or add the decision to the space.",
                )
            )
            continue
        known = labels[name]
        if not isinstance(wanted, tuple) or not wanted:
            problems.append(
                Problem(
                    f"{asked} asks that {name!r} is {wanted!r}.",
                    f"one label or a list of labels, of: {', '.join(map(repr, known))}",
                    f"Write `{{{name!r}: {known[0]!r}}}`.",
                )
            )
            continue
        for label in wanted:
            if label not in known:
                why = " (where it does not apply: ask with a function)" if label is None else ""
                problems.append(
                    Problem(
                        f"{asked} asks that {name!r} is {label!r}, which is not one of its options{why}.",
                        f"one of: {', '.join(map(repr, known))}",
                        f"{near_miss(str(label), known)}"
                        + (
                            f"Write `lambda {name}: {name} is None`."
                            if label is None
                            else "Write the label as it was declared."
                        ),
                    )
                )
    return problems
