"""The kept draws of a universe by site, as an estimand sees them; what was not kept is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from multiverse.engines.outcome import ESTIMAND, SITE, DrawsName, Outcome
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.program import Program

STAND_IN: Final = 0.5  # the value of every site that was not kept: a number that few functions choke on
_NONE: Final = "(none)"  # stands first where nothing was kept, so that the number of draws can be told


class SiteDraws(Mapping[str, Any]):
    """Draws by site, `(draw, *site shape)`.

    All sites of the program are here. Those that were not kept are made of `STAND_IN`, and named in `lacking` once
    they were looked at: what an estimand then gives means nothing.
    """

    def __init__(self, kept: Mapping[str, np.ndarray], program: Program, count: int):
        shapes = {latent.name: latent.shape for latent in program.sites.latents} | dict(program.sites.deterministic)
        self._kept = dict(kept) or {_NONE: np.full(count, STAND_IN)}
        self._shapes, self._count = shapes, count
        self.lacking: dict[str, None] = {}  # in the order in which they were looked at

    def __getitem__(self, name: str) -> Any:
        if name in self._kept:
            return self._kept[name]
        if name not in self._shapes:
            raise KeyError(name)
        self.lacking[name] = None
        return np.full((self._count, *self._shapes[name]), STAND_IN)

    def __contains__(self, name: object) -> bool:
        return name in self._kept or name in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter([*self._kept, *(name for name in self._shapes if name not in self._kept)])

    def __len__(self) -> int:
        return len(self._kept.keys() | self._shapes.keys())


def site_draws(outcome: Outcome, program: Program, asked: Mapping[str, str | None]) -> SiteDraws:
    """The draws of an outcome by site: sites that were kept, and estimands that were a site by name.

    asked: the fingerprint of each of its estimands.
    """
    names = [latent.name for latent in program.sites.latents] + list(program.sites.deterministic)
    sites = {fingerprint(name): name for name in names}
    kept: dict[str, np.ndarray] = {}
    for text, values in outcome.draws.items():
        kind, name = DrawsName.parse(text)
        if kind == SITE:
            kept[name] = _flat(values)
        elif kind == ESTIMAND and (site := sites.get(asked.get(name) or "")):
            kept.setdefault(site, _flat(values))
    return SiteDraws(kept, program, int(np.prod(shape_of(outcome))))


def shape_of(outcome: Outcome) -> tuple[int, int]:
    """(chain, draw) of an outcome's draws; (1, 8) where it has none."""
    return next((values.shape[:2] for values in outcome.draws.values()), (1, 8))


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *values.shape[2:])
