"""A study: everything a person declares, before anything is counted or run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from html import escape
from typing import Any, Final, Literal

from multiverse.space.space import Space

Prepare = Callable[..., Any] | Sequence[Callable[..., Any]] | None
Estimand = str | Callable[..., Any]

_LEFT = 'style="text-align:left"'  # notebooks align cells to the right

CALIBRATION: Final = "calibration"  # there is no density: what answers is checked on simulated data alone
ESTIMATE = "estimate"  # what the estimand of an `estimate` function is called unless it is named


@dataclass(frozen=True, repr=False)
class Study:
    """One analysis and the choices in it. Give it a `model`, or an `estimate`, or a `prior` and `simulate`.

    name: what the study is called in figures and stores.
    data: the raw data, or a function without arguments that loads them.
    prepare: a function `(raw, *, decisions...)` that gives what the analysis sees (a dict of arrays, say), or a list
        of such functions, each taking what the one before gave; None when the raw data are what it sees.
    model: a NumPyro model `(data, *, decisions...)`.
    estimate: any other analysis, as a function `(data, *, decisions...)` that returns a number, an
        `Estimate(value, se, df)`, draws `(draw,)` or `(chain, draw)`, or a dict of these by estimand. It runs in a
        process of its own, on all cores; where JAX can trace it, many universes run in one compiled call. A keyword
        `rng` gets a NumPy generator that is seeded by the universe.
    simulate: an analysis that has no density, as a function `(key, parameters, data, *, decisions...)` that JAX can
        trace: from a JAX key and the parameters by name, each on its own scale, it gives data as they might have been
        observed, a dict of arrays by the names that the observed ones have in the prepared data, or one array where
        the prepared data are one. `data` are the prepared data, for sizes, times and covariates; it may not look at
        the values that it simulates, and may be left out.
    prior: of such an analysis, a dict from the name of each parameter to a NumPyro distribution, continuous and
        proper, or a function `(*, decisions...)` that gives one.
    estimands: what all universes estimate, on one scale. Of a model or a simulator: by name, a scalar site (or
        parameter), or a function `(draws, data, *, decisions...)` of the draws by site, each `(draw, *site shape)`,
        that returns one number a draw, `(draw,)`; it sees the universe's own prepared data. Of an `estimate` function:
        the names of what it returns; one name may be left out, or be written as it is.
    space: the decisions. They bind by name to the keyword-only arguments of `prepare`, of the model or function (or of
        `prior` and `simulate`), and of the estimands, as pytest fixtures do.

    Declaring a study checks nothing and runs nothing; `multiverse.plan(study)` does the checking.
    """

    name: str
    _: KW_ONLY
    data: Any
    model: Callable[..., Any] | None = None
    estimate: Callable[..., Any] | None = None
    estimands: Mapping[str, Estimand] | Sequence[str] | str | None = None
    space: Space = field(default_factory=Space)
    prepare: Prepare = None
    simulate: Callable[..., Any] | None = None
    prior: Mapping[str, Any] | Callable[..., Any] | None = None

    @property
    def kind(self) -> Literal["model", "estimate", "simulate"]:
        """Which part of the study its analysis is."""
        return "estimate" if self.is_function else "simulate" if self.only_simulates else "model"

    @property
    def verified_by(self) -> str:
        """What vouches for answers where no density does: "calibration" if the study only simulates, else ""."""
        return CALIBRATION if self.only_simulates else ""

    @property
    def is_function(self) -> bool:
        """Whether the analysis is an `estimate` function, and not a NumPyro model."""
        return self.estimate is not None

    @property
    def only_simulates(self) -> bool:
        """Whether the analysis has a simulator and no density, so that no answer can be checked against one."""
        return self.simulate is not None

    @property
    def analysis(self) -> Callable[..., Any]:
        """The model, the `estimate` function, or `simulate`. Raises ValueError where the study has none of them."""
        found = self.estimate if self.is_function else self.simulate if self.only_simulates else self.model
        if found is None:
            raise ValueError(f"the study {self.name!r} has neither a model nor an estimate, nor does it simulate")
        return found

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that the analysis is made of, by their part in the study: one, or `prior` and `simulate`."""
        if self.only_simulates:
            own = {"prior": self.prior} if callable(self.prior) else {}
            return {**own, "simulate": self.analysis}
        return {self.kind: self.analysis}

    @property
    def questions(self) -> Mapping[str, Estimand]:
        """What is asked, by the name of the estimand; what an `estimate` function returns is asked for by that name."""
        if isinstance(self.estimands, Mapping):
            return self.estimands
        if self.estimands is None:
            return {ESTIMATE: ESTIMATE} if self.is_function else {}
        names = [self.estimands] if isinstance(self.estimands, str) else self.estimands
        return {name: name for name in names}

    @property
    def steps(self) -> tuple[Callable[..., Any], ...]:
        """The preprocessing steps, in order; none when the raw data are what the analysis sees."""
        if self.prepare is None:
            return ()
        return (self.prepare,) if callable(self.prepare) else tuple(self.prepare)

    def __repr__(self) -> str:
        """Its name and parts by name, without the data, then the space."""
        parts = [f"  {part:{max(map(len, self._parts))}}  {text}" for part, text in self._parts.items()]
        return "\n".join([f"Study {self.name!r}", *parts, repr(self.space)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th {_LEFT}>{part}</th><td {_LEFT}>{escape(t)}</td></tr>" for part, t in self._parts.items()
        )
        space = self.space._repr_html_() if isinstance(self.space, Space) else escape(repr(self.space))
        return f"<div><b>{escape(f'Study {self.name!r}')}</b><table>{rows}</table>{space}</div>"

    @property
    def _parts(self) -> dict[str, str]:
        """What it is made of, in words; also of a study with mistakes, which planning tells."""
        questions = self.estimands if isinstance(self.estimands, Mapping | list | tuple) else [self.estimands]
        words = {
            "data": _named(self.data),
            "prepare": ", ".join(
                map(_named, self.prepare if isinstance(self.prepare, list | tuple) else [self.prepare])
            ),
            "model": _named(self.model),
            "estimate": _named(self.estimate),
            "simulate": _named(self.simulate),
            "prior": ", ".join(self.prior) if isinstance(self.prior, Mapping) else _named(self.prior),
            "estimands": ", ".join(map(str, questions)),
        }
        return {part: text for part, text in words.items() if text not in ("", "None")}

    def load(self) -> Any:
        """The raw data. Runs the loader, when `data` is one."""
        return self.data() if callable(self.data) else self.data


def _named(part: Any) -> str:
    """A function by its name, other things by their kind: data may be large, and secret."""
    if part is None:
        return "None"
    return f"{part.__name__}()" if hasattr(part, "__name__") else type(part).__name__
