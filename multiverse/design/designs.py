"""Which universes of a space are run: designs, for `plan(study, design=...)`.

Every design takes the reference universe, takes the same universes whenever it is given the same space, and finds them
by their place in the space: a space of a million universes is not looked through. What a store has answered is not
answered again, so a design can be followed by a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from multiverse.design.covering_design import Covering
from multiverse.design.design import Design
from multiverse.design.plain_designs import Full, Listed, OneAtATime
from multiverse.design.random_design import Random
from multiverse.design.stratified_design import Stratified
from multiverse.errors import Problem, SpaceError, near_miss


def full() -> Design:
    """Every universe: what is planned where no design is given."""
    return Full()


def random(n: int, seed: int = 0) -> Design:
    """The reference and n - 1 other universes, every set of these equally likely: an honest picture of the whole space.

    n: how many; all where the space has no more. The same seed with a larger n takes the same universes and more.
    Raises SpaceError where n is not a whole number of at least 1.
    """
    return Random(n, seed)


def stratified(n: int, by: str | Iterable[str], seed: int = 0) -> Design:
    """N universes, spread evenly over the combinations of options of the decisions in `by`, random within each.

    For comparing options of which some are in few universes. What is rare in the space is not rare here, so medians and
    shares over these universes are not those of the space. The same seed with a larger n takes the same and more.
    Raises SpaceError as `random` does, and while planning where `by` names what is no decision.
    """
    return Stratified(n, (by,) if isinstance(by, str) else tuple(by), seed)


def one_at_a_time() -> Design:
    """The reference universe and all that differ from it in one decision: few universes, and no interactions."""
    return OneAtATime()


def covering(strength: int = 1) -> Design:
    """Few universes in which every option appears (1), or every pair of options that can be together (2).

    To see whether every option, or pair, can be answered at all before the rest is run. The plan's notes say whether
    fewer universes could do. Raises SpaceError for another strength.
    """
    return Covering(strength)


def listed(universes: Iterable[Mapping[str, str | None]]) -> Design:
    """These universes and the reference. Planning raises PlanError where one is not in the space, and says why not."""
    return Listed(tuple(universes))


NAMES: Mapping[str, Callable[[], Design]] = {"full": full, "one-at-a-time": one_at_a_time, "covering": covering}


def by_name(name: str) -> Design:
    """A design that needs nothing but its name. Raises SpaceError for any other."""
    if name in NAMES:
        return NAMES[name]()
    needs = {"random": "random(100)", "stratified": "stratified(100, by='family')", "listed": "listed(universes)"}
    wanted = near_miss(name, [*NAMES, *needs])
    raise SpaceError(
        Problem(
            f"the design {name!r} " + ("needs to know more than its name." if name in needs else "is not there."),
            f"{', '.join(map(repr, NAMES))}, or a design: {', '.join(f'mv.designs.{call}' for call in needs.values())}",
            f"design=mv.designs.{needs[name]}" if name in needs else f"{wanted}design=mv.designs.random(100)",
        )
    )
