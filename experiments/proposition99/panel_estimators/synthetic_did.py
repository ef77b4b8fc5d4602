"""Synthetic difference-in-differences: controls that run parallel before, and years that foretell those after."""

from __future__ import annotations

from panel_estimators.panel import Panel, Ridge, Solve, Weights


def synthetic_did(panel: Panel, ridge: Ridge, solve: Solve) -> Weights:
    """The mixture of controls nearest to the treated unit, and the mixture of years nearest to the mean after.

    Both up to a constant gap. Source: Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021, American Economic Review
    111(12), Algorithm 1.
    """
    early, late = panel.controls[:, : panel.before], panel.controls[:, panel.before :]
    mixture = solve(early.T, panel.treated[: panel.before], ridge.controls, True)
    years = solve(early, late.mean(axis=1), ridge.years, True)
    return Weights(mixture, years)
