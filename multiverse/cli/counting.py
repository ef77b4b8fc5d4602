"""Progress that remembers how far it got, to be told when a sweep is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from multiverse.progress import Advance, bar

_COMPUTING: Final = "computing"  # how the title of what is computed from kept draws begins


class Counting:
    """How many universes were done, out of how many, and where they went."""

    def __init__(self) -> None:
        self.done = self.total = 0
        self.place = self.computed = ""
        self.bar = bar

    @contextmanager
    def sweep(self, title: str, total: int, unit: str) -> Iterator[Advance]:
        """The bar of the sweep itself, and of what is computed from kept draws before it."""
        if unit != "universes":
            with bar(title, total, unit) as advance:
                yield advance
            if title.startswith(_COMPUTING):
                self.computed = f"Computed{title.removeprefix(_COMPUTING)}: {total:,} {unit}, without sampling."
            return
        self.total = total
        with bar(title, total, unit) as advance:

            def counted(count: int = 1, *, more: int = 0, note: str = "") -> None:
                self.done, self.total = self.done + count, self.total + more
                advance(count, more=more, note=note)

            yield counted

    def said(self) -> str:
        """What a person who stops a sweep wants to know."""
        if not self.done:
            return "No universe was answered yet by this call, so nothing is lost."
        return (
            f"Nothing that was finished is lost: this call answered {self.done} of {self.total} universes, "
            f"they are in {self.place}."
        )
