"""A universe: one option for each decision that applies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from multiverse.errors import Problem, SpaceError


class Universe(Mapping[str, str | None]):
    """Decision name -> label of the chosen option, in declared order; None where the decision does not apply.

    Immutable and hashable; equal to any mapping with the same items.
    """

    __slots__ = ("_labels", "_names")  # a sweep makes a million of these: two tuples, of which `names` is shared

    def __init__(self, names: tuple[str, ...], labels: tuple[str | None, ...]):
        if len(names) != len(labels):
            raise SpaceError(
                Problem(
                    f"a universe of {len(names)} decisions was given {len(labels)} labels.",
                    "one label, or None, for each decision",
                    "Take universes from a space: `space[0]`, `space.reference`, `for universe in space`.",
                )
            )
        self._names = names
        self._labels = labels

    @property
    def names(self) -> tuple[str, ...]:
        """The decisions, in declared order."""
        return self._names

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The label of each decision's option, in the order of `names`; None where it does not apply."""
        return self._labels

    @property
    def active(self) -> dict[str, str]:
        """The decisions that apply, each with its label."""
        return {name: label for name, label in zip(self._names, self._labels, strict=True) if label is not None}

    def __getitem__(self, name: str) -> str | None:
        try:
            return self._labels[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Universe) and self._names == other._names:
            return self._labels == other._labels
        return Mapping.__eq__(self, other)

    def __hash__(self) -> int:
        # Mappings are equal in any order of their items, so the hash may not see the order either.
        return hash(frozenset(zip(self._names, self._labels, strict=True)))

    def __repr__(self) -> str:
        return f"Universe({', '.join(f'{name}={label!r}' for name, label in self.items())})"
