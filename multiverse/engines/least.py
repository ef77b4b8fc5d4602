"""Settings of an engine that are too small to draw anything."""

from __future__ import annotations

import dataclasses
from typing import Any

from multiverse.errors import Problem


def too_small(engine: Any, called: str, **least: int) -> list[Problem]:
    """A problem for each of these settings that is below its least value, with its default as the mend."""
    usual = {field.name: field.default for field in dataclasses.fields(engine)}
    return [
        Problem(f"{called} has {name}={getattr(engine, name)!r}.", f"at least {number}", f"{name}={usual[name]}")
        for name, number in least.items()
        if not getattr(engine, name) >= number
    ]
