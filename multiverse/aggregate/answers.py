"""What can be asked of whatever holds estimates: every aggregate as a method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from multiverse.aggregate.weigh import UNIVERSES

if TYPE_CHECKING:
    from multiverse.aggregate.agreement import Agreement
    from multiverse.aggregate.attribution import Attribution
    from multiverse.aggregate.estimates import Estimates
    from multiverse.aggregate.flips import Flips
    from multiverse.aggregate.interactions import Interactions
    from multiverse.aggregate.parameterizations import Parameterizations
    from multiverse.aggregate.summary import Summary
    from multiverse.aggregate.uncertainty import Uncertainty


class Answers(ABC):
    """Gives what knows its `estimates` every aggregate of them.

    estimand: by default the first. weigh: how universes weigh, "universes", "branches" or "evidence"
    (`aggregate/weights.py`).
    """

    __slots__ = ()

    @abstractmethod
    def estimates(self, estimand: str | None = None, *, weigh: str = UNIVERSES) -> Estimates:
        """The value that aggregates and figures read: estimates of one estimand over all answered universes."""

    def summary(self, estimand: str | None = None, *, weigh: str = UNIVERSES) -> Summary:
        """Median, range and quantiles of the estimates over universes; green, red and planned universes."""
        from multiverse.aggregate.summary import summarise

        return summarise(self.estimates(estimand, weigh=weigh))

    def uncertainty(self, estimand: str | None = None, *, weigh: str = UNIVERSES) -> Uncertainty:
        """Variance within and between universes, and the share of the total that a single analysis hides."""
        from multiverse.aggregate.uncertainty import uncertainty

        return uncertainty(self.estimates(estimand, weigh=weigh))

    def attribution(self, estimand: str | None = None, *, weigh: str = UNIVERSES) -> Attribution:
        """Which decision moves the answer: shares of the variance between universes, by decision and by kind."""
        from multiverse.aggregate.attribution import attribution

        return attribution(self.estimates(estimand, weigh=weigh))

    def interactions(self, estimand: str | None = None, *, weigh: str = UNIVERSES) -> Interactions:
        """Which decisions move the answer together: a share of the variance between universes for each pair."""
        from multiverse.aggregate.interactions import pairs

        return pairs(self.estimates(estimand, weigh=weigh))

    def agreement(
        self,
        estimand: str | None = None,
        *,
        above: float | None = None,
        below: float | None = None,
        rope: tuple[float, float] | None = None,
        weigh: str = UNIVERSES,
    ) -> Agreement:
        """The shares of universes that agree: on the sign, on a threshold, on a region of practical equivalence."""
        from multiverse.aggregate.agreement import agreement

        return agreement(self.estimates(estimand, weigh=weigh), above=above, below=below, rope=rope)

    def flips(
        self,
        estimand: str | None = None,
        *,
        above: float | None = None,
        below: float | None = None,
        rope: tuple[float, float] | None = None,
    ) -> Flips:
        """The fewest changes of option, from the reference universe, after which a conclusion is another one."""
        from multiverse.aggregate.flips import flips

        return flips(self.estimates(estimand), above=above, below=below, rope=rope)

    def parameterizations(self, estimand: str | None = None) -> Parameterizations:
        """How far answers of universes that differ in parameterization only are apart, in Monte Carlo errors."""
        from multiverse.aggregate.parameterizations import parameterizations

        return parameterizations(self.estimates(estimand))
