"""Paths of leaves: `option/slope/scale`, `/y`; how they are made, and how a person would say them."""

from __future__ import annotations

OPTION = "option"  # paths of option values begin so; those of prepared data with "/"
OBSERVED = "observed: "  # begins the paths of leaves that stand for observed values; no path of a user's begins so


def step(key: object) -> str:
    """One step of a path, different for different keys. Escapes as in JSON pointers: RFC 6901, section 3."""
    if isinstance(key, str):
        return key.replace("~", "~0").replace("/", "~1")
    return f"~:{key!r}"


def option_path(decision: str) -> str:
    """The path of a decision's option value."""
    return f"{OPTION}/{step(decision)}"


def spoken(path: str) -> str:
    """A path as a person would write it: `slope.scale` for an option, `data['y']` for prepared data."""
    head, *rest = path.split("/")
    words = [word[2:] if word.startswith("~:") else repr(_key(word)) for word in rest]
    if head != OPTION:
        return "data" + "".join(f"[{word}]" for word in words)
    return ".".join(_key(word) for word in rest)


def _key(word: str) -> str:
    return word.replace("~1", "/").replace("~0", "~")
