"""Estimands: the quantities all universes estimate, as functions of draws and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiverse.errors import Problem, near_miss
from multiverse.planning.alike import said
from multiverse.planning.bind import Binding, a, called, positionals
from multiverse.planning.reparam import near
from multiverse.study import Study


class NoSuchSite(KeyError):
    """An estimand asks for a site that the model does not have; its argument is the name."""


class NotANumberADraw(ValueError):
    """An estimand gave something else than one number a draw."""


class _Watched(Mapping[str, Any]):
    """Draws by site that note which sites were looked at."""

    def __init__(self, draws: Mapping[str, Any]):
        self._draws, self.seen = draws, set[str]()

    @property
    def count(self) -> int:
        """How many draws there are."""
        return _count(self._draws)

    def __getitem__(self, name: str) -> Any:
        if name not in self._draws:
            raise NoSuchSite(name)
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
        decision. Raises NotANumberADraw when the result is not one number a draw, and whatever the function raises.
        """
        count = draws.count if isinstance(draws, _Watched) else _count(draws)
        if isinstance(self.ask, str):
            out = draws[self.ask]
        else:
            given = (draws, data)[: len(positionals(self.ask))]
            out = self.ask(*given, **{name: values[name] for name in self.takes})
        array = np.asarray(out)
        if array.dtype.kind not in "biuf":
            raise NotANumberADraw(f"gives {_shown(out)} for {count} draws, not one number a draw")
        if array.shape != (count,):
            shape = f"an array of shape {array.shape}" if array.ndim else "a single number"
            raise NotANumberADraw(f"gives {shape} for {count} draws, not one number a draw")
        return array.astype(np.result_type(array.dtype, np.float32), copy=False)

    def sites(self, draws: Mapping[str, Any], data: Any, values: Mapping[str, Any]) -> set[str]:
        """The sites that the estimand looks at."""
        watched = _Watched(draws)
        self(watched, data, values)
        return watched.seen

    def problem(self, error: Exception, draws: Mapping[str, Any], data: Any, values: Mapping[str, Any]) -> Problem:
        """What to tell a person whose estimand raised this error when given these."""
        if isinstance(error, NoSuchSite):
            return self._unknown(str(error.args[0]), list(draws))
        if isinstance(error, NotANumberADraw):
            return self._wrong_shape(error, draws, data, values)
        sites = ", ".join(f'"{name}": np.zeros({np.shape(a)})' for name, a in draws.items())
        close, columns = "", ""
        if isinstance(error, KeyError) and error.args and isinstance(data, Mapping):
            close, columns = near_miss(str(error.args[0]), map(str, data)), f" ({', '.join(map(str, data))})"
        return Problem(
            f"the estimand {self.name!r} raised {said(error)}.",
            f"a function of draws by site, each (draw, *site shape), and of the universe's own prepared data{columns}",
            f"{close}Try it by itself, with `draws = {{{sites}}}`",
        )

    def _unknown(self, site: str, known: list[str]) -> Problem:
        close = near(site, known)
        name = close or next(iter(known), "a site")
        written = f"{{{self.name!r}: {name!r}}}" if isinstance(self.ask, str) else f"draws[{name!r}]"
        return Problem(
            f"the estimand {self.name!r} asks for the site {site!r}, which the model does not have.",
            f"one of its sites: {', '.join(known)}",
            f"{near_miss(site, known)}Write `{written}`" if close else f"name one of these, as in `{written}`",
        )

    def _wrong_shape(self, error: Exception, draws: Mapping[str, Any], data: Any, values: Mapping[str, Any]) -> Problem:
        count = _count(draws)
        watched = _Watched(draws)
        try:
            self(watched, data, values)
        except NotANumberADraw:
            pass
        many = {name: np.shape(draws[name]) for name in sorted(watched.seen) if np.ndim(draws[name]) > 1}
        if "single number" in str(error):
            site = next(iter(sorted(watched.seen)), "slope")
            mend = f"keep the draws apart: `draws[{site!r}]`, and not `draws[{site!r}].mean()`, is one number a draw"
        elif many:
            name, shape = next(iter(many.items()))
            one = f"draws[{name!r}][:, {', '.join('0' * (len(shape) - 1))}]"
            mean = f"draws[{name!r}].mean(axis={1 if len(shape) == 2 else tuple(range(1, len(shape)))})"
            mend = f"take one element, `{{{self.name!r}: lambda draws, data: {one}}}`, or their mean, `{mean}`"
        else:
            mend = "end the function with `return`, and give back an array whose only axis is that of the draws"
        shapes = "".join(f"; draws[{name!r}] has shape {shape}" for name, shape in many.items())
        return Problem(
            f"the estimand {self.name!r} {error}.",
            f"an array of shape ({count},){shapes}",
            mend,
        )


def _count(draws: Mapping[str, Any]) -> int:
    return len(next(iter(draws.values())))


def _shown(value: Any) -> str:
    if value is None:
        return "None"
    return f"an array of {value.dtype}" if hasattr(value, "dtype") else f"{a(value)} that does not hold numbers"


def estimands_of(study: Study, binding: Binding) -> tuple[Estimand, ...]:
    """The estimands of a study that can be called, bound to the decisions they take."""
    return tuple(
        Estimand(name, ask, binding.estimands.get(name, ()))
        for name, ask in study.questions.items()
        if name not in binding.unbound and _is_well_formed(ask)
    )


def _is_well_formed(ask: object) -> bool:
    return isinstance(ask, str) or (callable(ask) and len(positionals(ask)) in (1, 2))


def signature_problems(study: Study) -> list[Problem]:
    """Estimands that cannot be called as estimands are."""
    estimands: Mapping[str, object] = study.questions
    if not estimands:
        return [
            Problem(
                "the study has no estimands.",
                "at least one quantity that all universes estimate",
                'write `estimands={"effect": "slope"}` with the name of a scalar site, or a function of the draws',
            )
        ]
    return [_malformed(name, ask) for name, ask in estimands.items() if not _is_well_formed(ask)]


def _malformed(name: str, ask: object) -> Problem:
    if callable(ask):
        return Problem(
            f"the estimand {name!r}, {called(ask)}(), takes {len(positionals(ask))} positional arguments.",
            "(draws, data), or (draws) alone; decisions by keyword",
            f"write `{{{name!r}: lambda draws, data: ...}}`",
        )
    return Problem(
        f"the estimand {name!r} is {ask!r}, {a(ask)}.",
        "the name of a site, or a function (draws, data) -> one number a draw",
        f"write `{{{name!r}: 'slope'}}`, with the name of a scalar site",
    )
