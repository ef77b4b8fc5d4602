"""The decisions of a space, from both ways to give them."""

from __future__ import annotations

from collections.abc import Mapping

from multiverse.errors import Problem, SpaceError
from multiverse.space.decision import Decision


def gathered(decisions: object, named: Mapping[str, object]) -> dict[str, Decision]:
    """The decisions of both ways to give them, in order.  Raises SpaceError with all that are none."""
    problems = []
    if decisions is not None and not isinstance(decisions, Mapping):
        problems.append(
            Problem(
                f"Space was given a {type(decisions).__name__} without names.",
                "decisions by keyword, or one mapping from name to decision",
                "Write `Space(slope=prior(...))` or `Space({'slope': prior(...)})`.",
            )
        )
    given = dict(decisions) if isinstance(decisions, Mapping) else {}
    for name in given.keys() & named.keys():
        problems.append(
            Problem(
                f"the decision {name!r} is in the mapping and among the keywords.",
                "each decision once",
                f"Remove `{name}=` or the {name!r} of the mapping.",
            )
        )
    made: dict[str, Decision] = {}
    for name, value in {**given, **named}.items():
        if isinstance(value, Decision):
            made[name] = value
        else:
            options = "{...}" if isinstance(value, Mapping) else '{"a label": ..., "another label": ...}'
            problems.append(
                Problem(
                    f"{name!r} is a {type(value).__name__}, not a decision.",
                    "what preprocessing, prior, likelihood, parameterization or decision gives back",
                    f"Write `{name}=prior({options})`, or the maker of another kind.",
                )
            )
    if problems:
        raise SpaceError(problems)
    return made
