"""An engine made again from the settings that a run recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from multiverse.engines.by_name import ENGINES, made_again
from multiverse.engines.engine import settings_of
from multiverse.engines.gate import Gate
from multiverse.engines.nuts.engine import NUTS
from multiverse.errors import StoreError


@dataclass(frozen=True)
class Rung:
    times: int = 1
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    draws: int = 10
    gate: Gate = field(default_factory=Gate)
    ladder: tuple[Rung, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    rung: Rung | None = None
    word: str | None = None


def recorded(engine: object) -> dict[str, object]:
    """Its settings as a run records them: the first level of mappings has dotted names, the rest is JSON."""
    flat: dict[str, object] = {}
    for name, value in settings_of(engine).items():
        flat |= {f"{name}.{n}": v for n, v in value.items()} if isinstance(value, dict) else {name: value}
    found: dict[str, object] = json.loads(json.dumps(flat))
    return found


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(3, Gate(rhat_max=float("inf")), (Rung(2, ("rhat", "ess")), Rung()), (4, 0.5), Rung(7), "w"),
        NUTS(),
        NUTS(chains=2, dtype="float64", gate=Gate(ess_per_chain=-float("inf"))),
        *(kind() for kind in ENGINES.values()),
    ],
)
def test_to_json_and_back(settings: object) -> None:
    again = made_again(type(settings), recorded(settings))
    assert again == settings
    assert hash(again) == hash(settings)  # tuples are tuples again


def test_what_was_not_recorded_keeps_its_default() -> None:
    assert made_again(NUTS, {"draws": 7}) == NUTS(draws=7)


def test_a_setting_of_another_version_is_named() -> None:
    with pytest.raises(StoreError, match=r"'thinning'(.|\n)*settings that this version has: chains(.|\n)*version"):
        made_again(NUTS, {"draws": 7, "thinning": 2})
