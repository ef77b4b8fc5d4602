"""How strongly weights are drawn towards equality."""

from __future__ import annotations

from panel_estimators.panel import Panel, Ridge, noise

INFINITESIMAL = 1e-6  # times the noise: makes weights unique, no more. Default of the R package synthdid 0.0.9


def infinitesimal(panel: Panel) -> Ridge:
    """Next to nothing, for controls and years: as synthetic control is defined."""
    least = INFINITESIMAL * noise(panel)
    return Ridge(least, least)


def growing(panel: Panel) -> Ridge:
    """Noise times the fourth root of the treated years, for controls; next to nothing for years: as SDID is defined.

    Source: Arkhangelsky et al. 2021, Algorithm 1, step 1, with one treated unit.
    """
    return Ridge(panel.after**0.25 * noise(panel), INFINITESIMAL * noise(panel))
