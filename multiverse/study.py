"""A study: everything a person declares, before anything is counted or run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from multiverse.space.space import Space

Prepare = Callable[..., Any] | Sequence[Callable[..., Any]] | None
Estimand = str | Callable[..., Any]


@dataclass(frozen=True)
class Study:
    """One analysis and the choices in it.

    name: what the study is called in figures and stores.
    data: the raw data, or a function without arguments that loads them.
    prepare: a function `(raw, *, decisions...)` that gives what the model sees (a dict of arrays, say), or a list
        of such functions, each taking what the one before gave; None when the raw data are what the model sees.
    model: a NumPyro model `(data, *, decisions...)`.
    estimands: what all universes estimate, on one scale: the name of a scalar site, or a function
        `(draws, data, *, decisions...)` of the draws by site, each `(draw, *site shape)`, that returns one number a
        draw, `(draw,)`. It sees the universe's own prepared data.
    space: the decisions. They bind by name to the keyword-only arguments of `prepare`, `model` and the estimands,
        as pytest fixtures do.

    Declaring a study checks nothing and runs nothing; `multiverse.plan(study)` does the checking.
    """

    name: str
    _: KW_ONLY
    data: Any
    model: Callable[..., Any]
    estimands: Mapping[str, Estimand]
    space: Space = field(default_factory=Space)
    prepare: Prepare = None

    @property
    def steps(self) -> tuple[Callable[..., Any], ...]:
        """The preprocessing steps, in order; none when the raw data are what the model sees."""
        if self.prepare is None:
            return ()
        return (self.prepare,) if callable(self.prepare) else tuple(self.prepare)

    def load(self) -> Any:
        """The raw data. Runs the loader, when `data` is one."""
        return self.data() if callable(self.data) else self.data
