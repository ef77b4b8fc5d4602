"""What a network says of a new data set in one universe, and how it did; and of many universes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from multiverse.answering.context import Context
from multiverse.engines.amortized.fit import DISTANCE
from multiverse.engines.outcome import DENSITY, DrawsName, Outcome, Reason

if TYPE_CHECKING:
    import pandas as pd

SHOWN: Final = ("mean", "sd", "median", "q2_5", "q97_5")
LISTED: Final = 12  # answers that a printed list shows


@dataclass(frozen=True, repr=False, eq=False)
class Answer:
    """One universe's answer to a data set. It prints itself.

    universe: the option of each decision, by label; a value of its own as it is written. context: whether the network
    has learnt it. outside: what of it lies beyond the options that were learnt. outcome: all of it, as a run's outcomes
    are. draws_made: before weighing. seconds: for it, from the raw data on, with the gate.
    """

    universe: Mapping[str, str | None]
    context: Context
    outside: tuple[str, ...]
    outcome: Outcome = field(repr=False)
    draws_made: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it passed the gate (green)."""
        return self.outcome.ok

    @property
    def reason(self) -> Reason:
        """Why it may not be trusted: `Reason.ok` where it may."""
        return self.outcome.reason

    @property
    def message(self) -> str:
        """What exactly was seen; empty where it is green."""
        return self.outcome.message

    @property
    def estimates(self) -> Mapping[str, Mapping[str, float]]:
        """By estimand and statistic: mean, sd, median, quantiles, Monte Carlo errors."""
        return self.outcome.estimates

    @property
    def khat(self) -> float:
        """Pareto's k-hat of the importance weights; NaN where no density is known."""
        return self.outcome.diagnostics.get("khat", float("nan"))

    @property
    def importance_ess(self) -> float:
        """How many independent draws the weighed ones are worth."""
        return self.outcome.diagnostics.get("importance_ess", float("nan"))

    @property
    def distance_p(self) -> float:
        """The share of data sets simulated under this universe that are as far from all others as this one."""
        return self.outcome.diagnostics.get(DISTANCE, float("nan"))

    @property
    def draws(self) -> dict[str, np.ndarray]:
        """Draws that count alike, by estimand and kept site, (draw, *site shape). An estimand hides a site."""
        named = [(DrawsName.parse(name), values) for name, values in self.outcome.draws.items()]
        ordered = sorted((one for one in named if one[0].kind != DENSITY), key=lambda one: one[0].kind, reverse=True)
        return {name: values[0] for (_, name), values in ordered}

    def card(self) -> dict[str, Any]:
        """The same as plain values, for programs."""
        return {
            "universe": dict(self.universe),
            "context": str(self.context),
            "outside": list(self.outside),
            "ok": self.ok,
            "reason": None if self.ok else self.reason.name,
            "message": self.message or None,
            "khat": self.khat,
            "importance_ess": self.importance_ess,
            "distance_p": self.distance_p,
            "seconds": self.seconds,
            "estimates": {name: dict(numbers) for name, numbers in self.estimates.items()},
        }

    def __repr__(self) -> str:
        options = ", ".join(f"{name} = {label}" for name, label in self.universe.items() if label is not None)
        verdict = "green" if self.ok else f"red ({self.reason.name})"
        lines = [options or "the only universe", f"  {verdict} · {self.context} · {self._numbers}"]
        lines += [f"  {text}" for text in self.outside]
        if not self.ok:
            lines += [f"  {self.message}", f"  {self.reason.value}"]
        return "\n".join([*lines, *_table(self.estimates)])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    @property
    def _numbers(self) -> str:
        share = f"{self.importance_ess / self.draws_made:.0%}" if np.isfinite(self.importance_ess) else ""
        told = (
            f"k-hat {self.khat:.2f}" if np.isfinite(self.khat) else "",
            f"importance ESS {self.importance_ess:,.0f} of {self.draws_made:,} draws ({share})" if share else "",
            f"distance p {self.distance_p:.2g}" if np.isfinite(self.distance_p) else "",
            f"{1000 * self.seconds:.0f} ms",
        )
        return " · ".join(filter(None, told))


@dataclass(frozen=True, repr=False, eq=False)
class Answers(Sequence[Answer]):
    """The answers of many universes to one data set, in the order of the space. seconds: for all of them."""

    answers: tuple[Answer, ...]
    seconds: float

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, index: Any) -> Any:
        return self.answers[index]

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)

    @property
    def green(self) -> int:
        """How many passed the gate."""
        return sum(answer.ok for answer in self.answers)

    def table(self, estimand: str | None = None) -> pd.DataFrame:
        """One row a universe: a column for each decision, ok, reason, context, the estimate, k-hat.

        estimand: by default the first.
        """
        import pandas as pd

        rows = []
        for answer in self.answers:
            name = estimand or next(iter(answer.estimates), "")
            numbers = answer.estimates.get(name, {})
            how = {"ok": answer.ok, "reason": answer.reason.name, "context": str(answer.context)}
            checks = {"khat": answer.khat, "importance_ess": answer.importance_ess, "distance_p": answer.distance_p}
            rows.append({**answer.universe, **how, **{s: numbers.get(s, float("nan")) for s in SHOWN}, **checks})
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        each = 1000 * self.seconds / max(len(self), 1)
        head = f"{len(self)} universes, {self.green} green, {self.seconds:.2f} s ({each:.0f} ms a universe)"
        few = self.table().head(LISTED).drop(columns=["context", "importance_ess"])
        more = [f"... and {len(self) - LISTED} more: `.table()` has all"] if len(self) > LISTED else []
        return "\n".join([head, few.to_string(index=False, float_format=lambda x: f"{x:.3g}"), *more])


def _table(estimates: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Estimates in columns."""
    rows = [
        ["", *SHOWN],
        *([name, *(f"{of.get(s, float('nan')):.4g}" for s in SHOWN)] for name, of in estimates.items()),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(SHOWN) + 1)]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in (rows if len(rows) > 1 else [])
    ]
