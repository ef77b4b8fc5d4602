"""The engine contract: four functions on a frozen dataclass of settings.

One loop (multiverse/sweep.py) runs every engine: `state = init(plan)`; while `ask(state)` gives batches, they are
fitted wherever the executor likes and told, in any order: `state = tell(state, batch, outcomes)`. Only `fit` goes to a
worker. Deciding is apart from running, so resuming is replay: a batch whose part is in the store is told, not fitted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from multiverse.engines.outcome import Outcome
from multiverse.identity.keys import batch_id
from multiverse.planning.plan import Plan, Wanted
from multiverse.planning.program import Program

State = TypeVar("State")


@dataclass(frozen=True)
class Batch:
    """Universes of one program that are fitted together, in one call on one device.

    id: hash of the engine, its settings, what is wanted, attempt, keys and what it reads; its part bears this name, so
    a batch that runs twice writes the same file. An engine that asks others for batches may add what these do not know
    (`reads` of an audit, `purpose`, `audited`, `escalated`); the id stays. block: how many universes the compiled
    program holds; fewer are filled up. engine: the name of the engine that fits it, as its rows show it. reads: ids of
    batches whose outcomes `fit` is given. purpose: what it is for where that is not to answer its universes alone, such
    as "audit". beside: by id the programs of batches it reads, where `fit` runs these too. audited: those of its
    universes whose answer is not final, since it will be audited. escalated: by key, why engines before this one did
    not answer it.
    """

    id: str
    program: Program = field(repr=False)
    keys: tuple[str, ...]
    wanted: Wanted = field(repr=False)
    block: int = 1
    attempt: int = 1
    reads: tuple[str, ...] = ()
    engine: str = ""
    purpose: str = ""
    beside: Mapping[str, Program] = field(default_factory=dict, repr=False)
    audited: frozenset[str] = field(default=frozenset(), repr=False)
    escalated: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.keys)


class Engine(Protocol[State]):
    """Turns planned universes into outcomes. A frozen dataclass whose fields are all its settings.

    One that answers each universe in one attempt, in batches of a random order stratified by program
    (`one_shot.batches`), may say so by an attribute `one_shot` that is true: what it has finished is a random sample of
    the plan then, and a running summary has intervals. One that runs something else than models says so by an attribute
    `takes`, a tuple of the parts of a study that it can run: "model", "estimate", "simulate".
    """

    @property
    def name(self) -> str:
        """The engine's name, as rows of the store show it."""
        ...

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> State:
        """The state before anything was asked; `plan.todo` are the universes to answer.

        before: all earlier attempts of this run at universes of the plan, from the store and without draws and numbers,
        in any order: those that answered a universe for good, attempts that a killed sweep left without a final one,
        and red ones that are to be tried again. The next attempt at a universe has a higher number.
        """
        ...

    def ask(self, state: State) -> Sequence[Batch]:
        """The next round of batches; none when finished. Called only after the round before was told."""
        ...

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """One outcome for each key of the batch, in order.

        given: the outcomes of each batch it reads, by id: without draws, and with what they handed on.
        """
        ...

    # Two functions that an engine need not have; both are given what `fit` was.
    # `joined(batch, outcomes, given) -> outcomes`: what it says of all universes of a batch together, once they are
    # fitted, for they may be fitted apart; called where the batch is published.
    # `lost(batch, outcomes, given) -> outcomes`: whether outcomes of universes that kill their process are final;
    # without it all are.

    def tell(self, state: State, batch: Batch, outcomes: Sequence[Outcome]) -> State:
        """The state after a batch; the order within a round must not matter. Outcomes come without draws."""
        ...


def settings_of(engine: Any) -> dict[str, Any]:
    """The settings of an engine, by name; nested dataclasses as dicts."""
    return dataclasses.asdict(engine)


def flat_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name, as in `nuts.gate.rhat_max`."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        within = flat_settings(value) if isinstance(value, Mapping) else {}
        flat |= {f"{name}.{inner}": v for inner, v in within.items()} or {name: value}
    return flat


def make_batch(
    engine: Any,
    program: Program,
    keys: Sequence[str],
    wanted: Wanted,
    *,
    block: int,
    attempt: int = 1,
    reads: Sequence[str] = (),
    purpose: str = "",
    beside: Mapping[str, Program] = MappingProxyType({}),
) -> Batch:
    """A batch with its id: what is asked is in it, for two runs may ask the same universes for different things."""
    asked: dict[str, Any] = {"keep": wanted.keeping, "estimands": dict(wanted.identities)}
    asked |= {"purpose": purpose} if purpose else {}
    asked |= {"within": wanted.within} if wanted.within else {}
    identity = batch_id(engine.name, settings_of(engine) | {"asked": asked}, attempt, keys, reads)
    return Batch(
        identity, program, tuple(keys), wanted, block, attempt, tuple(reads), engine.name, purpose, beside=beside
    )


def sites_to_see(batch: Batch) -> tuple[str, ...]:
    """The sites whose draws leave the compiled program: all latents, and what estimands or the user ask for."""
    sites = batch.program.sites
    asked = batch.wanted.sites | set(batch.wanted.kept(batch.program))
    return tuple(sorted({latent.name for latent in sites.latents} | (asked & set(sites.deterministic))))
