"""What batches share, as a worker holds it: the most recently used, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

HELD: Final = 1024  # objects: small ones take more than their bytes
HELD_BYTES: Final = 1 << 30  # of a worker without a limit of its memory: data sets of a study, and no more
HELD_SHARE: Final = 0.25  # of the limit of its memory: the rest is for fitting


class Sent(NamedTuple):
    """An object that was put into the object store. size: in bytes, of what was put."""

    ref: Any
    size: int


class Held:
    """Objects by name. memory: bytes that their process may take, None for no limit."""

    def __init__(self, memory: int | None = None) -> None:
        self.most = HELD_BYTES if memory is None else int(HELD_SHARE * memory)
        self.size = 0
        self._here: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._here)

    def of(self, shared: Mapping[str, Sent], get: Callable[[Sequence[Any]], Sequence[Any]]) -> dict[str, Any]:
        """The objects of a message, all of them, however large; others are dropped before. get: objects by refs."""
        missing = {name: sent for name, sent in shared.items() if name not in self._here}
        for name in shared.keys() - missing.keys():
            self._here.move_to_end(name)
        coming = sum(sent.size for sent in missing.values())
        kept = len(shared) - len(missing)  # the last ones, which stay
        while len(self) > kept and (self.size + coming > self.most or len(self) + len(missing) > HELD):
            self.size -= self._here.popitem(last=False)[1][1]
        found = get([sent.ref for sent in missing.values()]) if missing else ()
        for (name, sent), one in zip(missing.items(), found, strict=True):
            self._here[name] = (one, sent.size)
            self.size += sent.size
        return {name: self._here[name][0] for name in shared}
