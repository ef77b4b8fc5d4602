"""Names that belong together, by the pairs that are known to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def together(names: Iterable[str], links: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """All names once, in order, those of a link in one tuple, and links that share a name in one too."""
    first = {name: name for name in names}  # the name that stands for each one's tuple
    for link in links:
        known = [first[name] for name in link if name in first]
        first = {name: known[0] if of in known else of for name, of in first.items()}
    return tuple(tuple(name for name, of in first.items() if of == one) for one in dict.fromkeys(first.values()))
