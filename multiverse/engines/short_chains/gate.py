"""When many short chains may be trusted: superchains are compared in place of chains, and all draws are pooled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from multiverse.engines.gate import DIVERGENCES_MAX, EBFMI_MIN, Check, Verdict, check_bounds, verdict
from multiverse.engines.gate import SOURCES as GATE_SOURCES
from multiverse.engines.outcome import Reason

NESTED_RHAT_MAX: Final = 1.01  # the bound of R-hat (Vehtari et al. 2021): what superchains may differ beyond chance
NESTED_RHAT_LOCAL_MAX: Final = 1.05  # inside plates, as `RHAT_LOCAL_MAX`: the worst of many
HALVES_RHAT_MAX: Final = 1.1  # Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 11.5; halves are short
POOLED_ESS_MIN: Final = 400.0  # bulk and tail, over all chains; Vehtari et al. 2021: 400 in all, however many chains

_NESTED = "Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari, Gelman 2024, Bayesian Analysis, doi:10.1214/24-BA1453"

SOURCES: Final[Mapping[str, str]] = MappingProxyType(  # field of the gate -> where its default comes from
    {
        "nested_rhat_max": f"{_NESTED}; {GATE_SOURCES['rhat_max']}",
        "nested_rhat_local_max": f"{_NESTED}; {GATE_SOURCES['rhat_local_max']}",
        "halves_rhat_max": "Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 11.5, doi:10.1201/b16018",
        "pooled_ess_min": GATE_SOURCES["rhat_max"],
        "divergences_max": GATE_SOURCES["divergences_max"],
        "ebfmi_min": GATE_SOURCES["ebfmi_min"],
    }
)


@dataclass(frozen=True)
class ShortChainsGate:
    """The bounds a universe sampled by many short chains has to keep; part of the run id. Defaults have `SOURCES`.

    nested_rhat_max: largest rank-normalised nested R-hat of estimands, global sites and the log density, for chains
        long enough; see `nested_bound`. nested_rhat_local_max: the same of sites inside plates.
    halves_rhat_max: largest split R-hat of single chains. Short ones never pass 1.01; this is against chains that are
        on their way still, all together, which nested R-hat cannot see.
    pooled_ess_min: least effective sample size over all chains, bulk and tail.
    divergences_max, ebfmi_min: as in `Gate`.

    `math.inf` (`-math.inf` for the least ones) switches a check off.
    Raises PlanError for a bound that no universe can keep: NaN, an R-hat below 1, a negative count.
    """

    nested_rhat_max: float = NESTED_RHAT_MAX
    nested_rhat_local_max: float = NESTED_RHAT_LOCAL_MAX
    halves_rhat_max: float = HALVES_RHAT_MAX
    pooled_ess_min: float = POOLED_ESS_MIN
    divergences_max: float = DIVERGENCES_MAX
    ebfmi_min: float = EBFMI_MIN

    def __post_init__(self) -> None:
        rhats = ("nested_rhat_max", "nested_rhat_local_max", "halves_rhat_max")
        check_bounds(self, dict.fromkeys(rhats, 1.0) | {"divergences_max": 0.0})

    def nested_bound(self, bound: float, *, chains: int, draws: int) -> float:
        """What nested R-hat may be at most, with so many chains in a superchain and draws in a chain.

        Means of superchains differ by chance: of independent draws their variance is 1 / (chains draws) of that within.
        So the bound is the root of bound^2 + 1 / (chains draws). With one draw a chain that is what Margossian et al.
        have for this case, the root of 1 + 1 / chains + a tolerance.
        """
        return math.sqrt(bound**2 + 1 / (chains * draws))

    def judge(
        self, diagnostics: Mapping[str, float], *, chains: int, draws: int, worst: Mapping[str, str] | None = None
    ) -> Verdict:
        """Whether these diagnostics pass, and if not why: everything that failed, gravest first.

        diagnostics: `nested_rhat_max`, `rhat_max`, `divergences`, `ebfmi_min`, `ess_bulk_min`, `ess_tail_min` and,
            where there are sites inside plates, `nested_rhat_local_max`. Others are ignored. NaN never passes.
        chains: of a superchain. draws: of a chain. worst: name of a diagnostic -> the quantity it was worst for.
        Raises KeyError if a diagnostic other than `nested_rhat_local_max` is missing.
        """
        apart = self.nested_bound(self.nested_rhat_max, chains=chains, draws=draws)
        inside = self.nested_bound(self.nested_rhat_local_max, chains=chains, draws=draws)
        local = Check(Reason.rhat, "nested_rhat_local_max", "nested R-hat inside plates", inside, True)
        checks = (
            Check(Reason.rhat, "nested_rhat_max", "nested R-hat", apart, True),
            *([local] if local.diagnostic in diagnostics else []),
            Check(Reason.rhat, "rhat_max", "split R-hat of short chains", self.halves_rhat_max, True),
            Check(Reason.divergences, "divergences", "the number of divergences", self.divergences_max, True),
            Check(Reason.ebfmi, "ebfmi_min", "E-BFMI", self.ebfmi_min, False),
            Check(Reason.ess, "ess_bulk_min", "bulk ESS of all chains", self.pooled_ess_min, False),
            Check(Reason.ess, "ess_tail_min", "tail ESS of all chains", self.pooled_ess_min, False),
        )
        return verdict(checks, diagnostics, worst or {})
