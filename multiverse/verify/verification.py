"""What a verification found: a row for each universe that was answered again, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from multiverse.aggregate.printing import Printed, Shown, count, number

if TYPE_CHECKING:
    import pandas as pd

FALSE_ALARM: Final = 0.001  # probability, over all numbers compared, that a sound store is called different


class Finding(StrEnum):
    """What a universe showed when it was answered again; the value is what a person reads."""

    same = "same"  # equal to the last bit
    close = "within Monte Carlo error"  # computed elsewhere, and no number is further off than chance allows
    different = "different"


class Checked(NamedTuple):
    """One universe that was answered again.

    distance: of the number that is furthest off, in Monte Carlo errors; 0 where everything is the same. number: which
    one that is. changed: everything that is not the same, in words.
    """

    key: str
    program: str
    finding: Finding
    distance: float
    number: str
    changed: str


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """The universes that were answered again, and the verdict.

    run: of the store. answered: universes that could have been taken. gone: answered universes that the study does
    not have any more. limit: Monte Carlo errors that numbers computed elsewhere may be apart. elsewhere: what differs
    in versions and hardware from those that answered; bits are promised only where this is empty. shared: how many of
    those taken are exact duplicates of a universe that was run for them; they were answered again as that one was.
    """

    run: str
    answered: int
    gone: int
    checked: tuple[Checked, ...]
    limit: float
    elsewhere: tuple[str, ...]
    shared: int = 0

    @property
    def ok(self) -> bool:
        """Whether every universe is the same, or, computed elsewhere, within Monte Carlo error."""
        return not any(one.finding is Finding.different for one in self.checked)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each universe that was answered again: the fields of `Checked`."""
        import pandas as pd

        return pd.DataFrame(self.checked, columns=list(Checked._fields)).assign(
            finding=[one.finding.value for one in self.checked]
        )

    def printed(self) -> Printed:
        """The verdict, the universes that differ, what was computed elsewhere, and the mend."""
        found = Counter(one.finding for one in self.checked)
        told = ", ".join(f"{found[finding]} {finding}" for finding in Finding if found[finding])
        title = (
            f"{count(len(self.checked), 'universe')} of {self.answered:,} of run {self.run!r} answered again: {told}"
        )
        wrong = [one for one in self.checked if one.finding is Finding.different]
        rows = tuple((one.key[:12], one.program, one.number, number(one.distance), one.changed) for one in wrong)
        notes = [f"computed elsewhere: {what}" for what in self.elsewhere]
        if self.elsewhere and not wrong:
            notes.append(
                f"numbers may be {self.limit:.2f} Monte Carlo errors apart, for {FALSE_ALARM:.1%} false alarms"
            )
        if self.shared:
            notes.append(f"{self.shared:,} of them share the answer of an exact duplicate, as the one that was run")
        if self.gone:
            notes.append(f"{count(self.gone, 'answered universe')} left out: the study has them no more")
        if wrong and not self.elsewhere:
            notes.append("On this hardware, with these versions, they should be the same to the last bit. Either the ")
            notes.append("store was changed after it was written, or the study is not deterministic. Look at one:")
            notes.append(f"results.rerun({wrong[0].key[:12]!r})")
        elif wrong:
            notes.append("Compute with the versions that are recorded; if they differ still, the store was changed.")
        return Printed(title, ("universe", "program", "number", "errors apart", "changed"), rows, tuple(notes))
