"""When a universe may be trusted: every threshold, its source, and the judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from multiverse.engines.outcome import Reason
from multiverse.errors import PlanError, Problem

RHAT_MAX: Final = 1.01  # Vehtari et al. 2021, Bayesian Analysis 16(2), doi:10.1214/20-BA1221
RHAT_LOCAL_MAX: Final = 1.05  # rstan's manual of Rhat; the worst of many coordinates passes 1.01 by chance alone
DIVERGENCES_MAX: Final = 0.0  # after warm-up; Betancourt 2017, arXiv:1701.02434, section 6.2: any may mean bias
ESS_PER_CHAIN: Final = 100.0  # bulk and tail; Vehtari et al. 2021 (400 for 4 chains); Stan's guide to warnings
EBFMI_MIN: Final = 0.3  # each chain; Betancourt 2017, arXiv:1701.02434, section 6.1: below it "problematic"

KHAT_MAX: Final = 0.7  # and 1 - 1 / log10(draws), where that is less; Vehtari et al. 2024, JMLR 25(72), section 3.2.4
IMPORTANCE_ESS_MIN: Final = 100.0  # one sample, as `ESS_PER_CHAIN` for one chain

_RANK_RHAT = "Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021, Bayesian Analysis 16(2), doi:10.1214/20-BA1221"
_STAN_WARNINGS = "Stan Development Team, Runtime warnings and convergence problems, mc-stan.org/misc/warnings"
_CONCEPTUAL = "Betancourt 2017, A conceptual introduction to Hamiltonian Monte Carlo, arXiv:1701.02434"

_PSIS = "Vehtari, Simpson, Gelman, Yao, Gabry 2024, Pareto smoothed importance sampling, JMLR 25(72), arXiv:1507.02646"

SOURCES: Final[Mapping[str, str]] = MappingProxyType(  # field of a gate -> where its default comes from
    {
        "rhat_max": _RANK_RHAT,
        "rhat_local_max": "Stan Development Team, rstan reference manual, Rhat: 'R-hat is less than 1.05'",
        "divergences_max": f"{_CONCEPTUAL}, section 6.2; {_STAN_WARNINGS}",
        "ess_per_chain": f"{_RANK_RHAT}; {_STAN_WARNINGS}",
        "ebfmi_min": f"Betancourt 2016, arXiv:1604.00695; {_CONCEPTUAL}, section 6.1",
        "khat_max": _PSIS,
        "ess_min": f"{_RANK_RHAT}, for one chain",
    }
)


class Verdict(NamedTuple):
    """`Reason.ok` and no message, or the gravest reason and a message that lists everything that failed."""

    reason: Reason
    message: str


class Check(NamedTuple):
    """One bound of a gate."""

    reason: Reason
    diagnostic: str  # its name in the diagnostics
    words: str
    bound: float
    at_most: bool  # else at least

    def failure(self, value: float, quantity: str | None) -> str | None:
        """What is wrong, or None. A NaN fails: it is not at most, and not at least, anything."""
        if value <= self.bound if self.at_most else value >= self.bound:
            return None
        subject = f"{self.words} of {quantity!r}" if quantity else self.words
        if math.isnan(value):
            return f"{subject} cannot be told (NaN: draws all equal or not finite, too few of them, or one chain)"
        return f"{subject} is {_apart(value, self.bound)}, {'above' if self.at_most else 'below'} {self.bound:g}"


def verdict(checks: Sequence[Check], diagnostics: Mapping[str, float], worst: Mapping[str, str]) -> Verdict:
    """What checks, gravest first, say of diagnostics.

    worst: name of a diagnostic -> the quantity it was worst for, to be named in the message.
    Raises KeyError if a diagnostic is missing: what was not measured does not pass.
    """
    failures = [
        (check.reason, failure)
        for check in checks
        if (failure := check.failure(float(diagnostics[check.diagnostic]), worst.get(check.diagnostic)))
    ]
    return Verdict(failures[0][0], "; ".join(text for _, text in failures)) if failures else Verdict(Reason.ok, "")


@dataclass(frozen=True)
class Gate:
    """The bounds a universe sampled by MCMC has to keep; part of the run id. The defaults have `SOURCES`.

    rhat_max: largest rank-normalised split R-hat of estimands, global sites and the log density.
    rhat_local_max: the same for coordinates of sites inside plates. They are many, and the worst of many passes 1.01
        by chance: of 85 stationary AR(0.5) coordinates, 4 x 300 draws, it is 1.023 in the median of 200 simulations
        and 1.036 in the worst 1 %.
    divergences_max: divergent transitions after warm-up, over all chains.
    ess_per_chain: least effective sample size for each chain that ran, bulk and tail, of the same as `rhat_max`.
    ebfmi_min: least energy Bayesian fraction of missing information of a chain.

    `math.inf` (`-math.inf` for the least ones) switches a check off. Hits of the tree depth limit are reported and
    not gated: they cost time, not validity (Stan's guide to warnings, "Maximum treedepth").
    Raises PlanError for a bound that no universe can keep: NaN, an R-hat below 1, a negative count.
    """

    rhat_max: float = RHAT_MAX
    rhat_local_max: float = RHAT_LOCAL_MAX
    divergences_max: float = DIVERGENCES_MAX
    ess_per_chain: float = ESS_PER_CHAIN
    ebfmi_min: float = EBFMI_MIN

    def __post_init__(self) -> None:
        check_bounds(self, {"rhat_max": 1.0, "rhat_local_max": 1.0, "divergences_max": 0.0})

    def judge(
        self, diagnostics: Mapping[str, float], *, chains: int, worst: Mapping[str, str] | None = None
    ) -> Verdict:
        """Whether these diagnostics pass, and if not why: everything that failed, gravest first.

        diagnostics: `rhat_max`, `ess_bulk_min`, `ess_tail_min` (over estimands, globals and the log density),
            `divergences` (count after warm-up), `ebfmi_min` (over chains) and, where there are sites inside plates,
            `rhat_local_max`. Others are ignored. NaN never passes.
        chains: how many ran; the least ESS is `ess_per_chain` times that.
        worst: name of a diagnostic -> the quantity it was worst for, to be named in the message.
        Raises ValueError if a diagnostic other than `rhat_local_max` is missing.
        """
        checks = self._checks(chains)
        missing = [c.diagnostic for c in checks if c.diagnostic not in diagnostics and c.diagnostic != "rhat_local_max"]
        if missing:
            raise ValueError(f"the gate cannot judge without {', '.join(missing)}; it was given {sorted(diagnostics)}")
        return verdict([c for c in checks if c.diagnostic in diagnostics], diagnostics, worst or {})

    def _checks(self, chains: int) -> tuple[Check, ...]:
        """All checks, gravest first: chains that disagree, draws that are biased, then draws that are too few."""
        ess = self.ess_per_chain * chains
        return (
            Check(Reason.rhat, "rhat_max", "R-hat", self.rhat_max, True),
            Check(Reason.rhat, "rhat_local_max", "R-hat inside plates", self.rhat_local_max, True),
            Check(Reason.divergences, "divergences", "the number of divergences", self.divergences_max, True),
            Check(Reason.ebfmi, "ebfmi_min", "E-BFMI", self.ebfmi_min, False),
            Check(Reason.ess, "ess_bulk_min", "bulk ESS", ess, False),
            Check(Reason.ess, "ess_tail_min", "tail ESS", ess, False),
        )


@dataclass(frozen=True)
class WeightsGate:
    """The bounds a universe answered by importance weights has to keep; part of the run id. Defaults have `SOURCES`.

    khat_max: k-hat has to be below it, and below 1 - 1 / log10(draws), from which so many draws can tell that the mean
        of the weights converges.
    ess_min: least importance effective sample size, and least of the tails of each estimand.

    `math.inf` switches off all of the first check, `-math.inf` the second.
    Raises PlanError for a bound that no universe can keep: NaN.
    """

    khat_max: float = KHAT_MAX
    ess_min: float = IMPORTANCE_ESS_MIN

    def __post_init__(self) -> None:
        check_bounds(self, {})

    def khat_bound(self, draws: int) -> float:
        """What k-hat has to be below, for weights of so many draws."""
        if math.isinf(self.khat_max):
            return self.khat_max
        return min(self.khat_max, 1 - 1 / math.log10(draws)) if draws > 1 else -math.inf

    def judge(self, diagnostics: Mapping[str, float], *, draws: int, worst: Mapping[str, str] | None = None) -> Verdict:
        """Whether these diagnostics pass, and if not why: everything that failed, gravest first.

        diagnostics: `khat`, `importance_ess`, `ess_tail_min` (over estimands). NaN never passes. draws: how many were
        weighed. worst: name of a diagnostic -> the quantity it was worst for.
        """
        bound = self.khat_bound(draws)
        if math.isfinite(bound):
            bound = math.nextafter(bound, -math.inf)  # on the bound is not below it
        checks = (
            Check(Reason.khat, "khat", "Pareto k-hat", bound, True),
            Check(Reason.ess, "importance_ess", "importance ESS", self.ess_min, False),
            Check(Reason.ess, "ess_tail_min", "importance ESS of the tails", self.ess_min, False),
        )
        return verdict(checks, diagnostics, worst or {})


def check_bounds(gate: Any, least: Mapping[str, float]) -> None:
    """Make all bounds floats, and raise PlanError for those that no universe can keep."""
    for field in fields(gate):  # 100 and 100.0 are one gate and shall make one run id
        object.__setattr__(gate, field.name, float(getattr(gate, field.name)))
    problems = [
        Problem(
            f"the gate has {name}={value:g}, which no universe can pass",
            f"a number of at least {least[name]:g}" if name in least else "a number",
            f"{type(gate).__name__}({name}={field.default})",
        )
        for field in fields(gate)
        for name, value in [(field.name, getattr(gate, field.name))]
        if not value >= least.get(name, -math.inf)
    ]
    if problems:
        raise PlanError(problems)


def _apart(value: float, bound: float) -> str:
    """The value in three digits, or in as many as show that it is not the bound."""
    return next(text for digits in range(3, 18) if float(text := f"{value:.{digits}g}") != bound)
