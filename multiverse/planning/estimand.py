"""Estimands: the quantities all universes estimate, as functions of draws and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiverse.errors import Problem, near_miss
from multiverse.planning.bind import Binding, called, positionals
from multiverse.study import Study


class _Watched(Mapping[str, Any]):
    """Draws by site that note which sites were looked at."""

    def __init__(self, draws: Mapping[str, Any]):
        self._draws, self.seen = draws, set[str]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._draws:
            raise KeyError(f"{name!r} is not a site of the model. {near_miss(name, self._draws)}")
        self.seen.add(name)
        return self._draws[name]

    def __iter__(self) -> Iterator[str]:
        self.seen.update(self._draws)
        return iter(self._draws)

    def __len__(self) -> int:
        return len(self._draws)


@dataclass(frozen=True)
class Estimand:
    """One estimand: its name, the site or function that gives it, and the decisions the function takes."""

    name: str
    ask: str | Callable[..., Any]
    takes: tuple[str, ...] = ()

    def __call__(self, draws: Mapping[str, Any], data: Any, values: Mapping[str, Any]) -> np.ndarray:
        """One number a draw, `(draw,)`.

        draws: by site, `(draw, *site shape)`. data: the universe's own prepared data. values: option values by
        decision. Raises ValueError when the result is not one number a draw, and whatever the function raises.
        """
        count = len(next(iter(draws.values())))
        if isinstance(self.ask, str):
            out = draws[self.ask]
        else:
            given = (draws, data)[: len(positionals(self.ask))]
            out = self.ask(*given, **{name: values[name] for name in self.takes})
        array = np.asarray(out)
        if array.shape != (count,) or array.dtype.kind not in "biuf":
            raise ValueError(f"got {array.dtype} of shape {array.shape} from {count} draws, not one number a draw")
        return array.astype(np.result_type(array.dtype, np.float32), copy=False)

    def sites(self, draws: Mapping[str, Any], data: Any, values: Mapping[str, Any]) -> set[str]:
        """The sites that the estimand looks at."""
        watched = _Watched(draws)
        self(watched, data, values)
        return watched.seen

    def problem(self, error: Exception, where: str) -> Problem:
        """What to tell a person whose estimand failed."""
        if isinstance(error, KeyError):
            what = f"the estimand {self.name!r} asks for a site that is not there: {error.args[0]}"
        elif isinstance(error, ValueError) and "one number a draw" in str(error):
            what = f"the estimand {self.name!r} is not one number a draw: {error}."
        else:
            what = f"the estimand {self.name!r} raised {type(error).__name__}: {error}"
        return Problem(
            f"{what} (in {where})",
            "the name of a scalar site, or a function (draws, data) of draws by site, each (draw, *site shape), -> (draw,)",
            f'index the site, as in `lambda draws, data: draws["{_site(self.ask)}"][:, 0]`; reduce over all axes but the first',
        )


def estimands_of(study: Study, binding: Binding) -> tuple[Estimand, ...]:
    """The estimands of a study, bound to the decisions they take."""
    return tuple(Estimand(name, ask, binding.estimands.get(name, ())) for name, ask in study.estimands.items())


def signature_problems(study: Study) -> list[Problem]:
    """Estimands that cannot be called as estimands are."""
    problems = []
    if not study.estimands:
        problems.append(
            Problem(
                "the study has no estimands.",
                "at least one quantity that all universes estimate",
                'write `estimands={"effect": "slope"}` with the name of a scalar site, or a function of the draws',
            )
        )
    for name, ask in study.estimands.items():
        if callable(ask) and len(positionals(ask)) not in (1, 2):
            problems.append(
                Problem(
                    f"the estimand {name!r}, {called(ask)}(), takes {len(positionals(ask))} positional arguments.",
                    "(draws, data), or (draws) alone; decisions by keyword",
                    "write `lambda draws, data: ...`",
                )
            )
        elif not callable(ask) and not isinstance(ask, str):
            problems.append(
                Problem(
                    f"the estimand {name!r} is a {type(ask).__name__}.",
                    "the name of a site, or a function (draws, data) -> one number a draw",
                    'write `estimands={"effect": "slope"}`',
                )
            )
    return problems


def _site(ask: str | Callable[..., Any]) -> str:
    return ask if isinstance(ask, str) else "b"
