"""What `mv.calibrate` gives back: one set of simulations, all checks of it, and their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from multiverse.aggregate.printing import Shown
from multiverse.calibration.coverage import Coverage, coverage
from multiverse.calibration.recovery import Recovery, recovery
from multiverse.calibration.sbc import SBC, sbc
from multiverse.calibration.simulations import Simulations
from multiverse.errors import Problem, ResultError, near_miss

if TYPE_CHECKING:
    import pandas as pd

    from multiverse.aggregate.printing import Printed
    from multiverse.plot.figure import Figure

CHECKS: Final = ("sbc", "coverage", "recovery")


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Shown):
    """Simulated data sets with their answers, compared with the truths that they were simulated from.

    `simulations`: the table behind all checks. `study`: its name. `seconds`: what it took, "simulating", "answering"
    and, of a network, "compiling" before. Answers of a network stand under two names, without and with their
    correction; each check takes the last, `answers` asks for another (`simulations.answers`).
    """

    simulations: Simulations
    study: str
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each answer to a data set and quantity: truth, its place, mean and sd (`Simulations`)."""
        return self.simulations.table

    @property
    def ok(self) -> bool:
        """Whether calibration and coverage both hold, by the last of the answers; each is wrong by chance in 5 %."""
        return self.sbc().ok and self.coverage().ok

    def sbc(self, answers: str | None = None) -> SBC:
        """Whether truths lie anywhere in their posteriors, for each quantity and option."""
        return sbc(self.simulations, answers)

    def coverage(self, answers: str | None = None) -> Coverage:
        """How often central 50, 80, 90 and 95 % intervals hold the truth, for each quantity and option."""
        return coverage(self.simulations, answers)

    def recovery(self, answers: str | None = None) -> Recovery:
        """How near posterior means are to the truth, and how much data taught, for each quantity and option."""
        return recovery(self.simulations, answers)

    def figure(self, check: str = "sbc", answers: str | None = None, *, width: str | float = "183mm") -> Figure:
        """The figure of a check: "sbc", "coverage" or "recovery". `.save("sbc.pdf", width="89mm")` writes it.

        Raises ResultError for another check, and for a width that is none.
        """
        from multiverse.plot.calibration_figures import coverage_figure, recovery_figure, sbc_figure

        if check not in CHECKS:
            mend = f"{near_miss(check, CHECKS)}Write figure('sbc')"
            raise ResultError(Problem(f"there is no check {check!r}", f"one of {', '.join(CHECKS)}", mend))
        if check == "recovery":
            return recovery_figure(self.recovery(answers), width=width)
        if check == "coverage":
            return coverage_figure(self.coverage(answers), width=width)
        return sbc_figure(self.sbc(answers), self.simulations.of(answers), width=width)

    def printed(self) -> Printed:
        """What `sbc` says."""
        return self.sbc().printed()
