"""Seconds and memory that a million universes take: counted, enumerated, indexed, found and sampled.

Each space is measured in a process of its own, since memory at most is counted by process. `python measure.py` prints a
table; `python measure.py NAME` measures one space and prints JSON.
"""

from __future__ import annotations

import itertools
import json
import random
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

from multiverse.space.decision import Decision, prior
from multiverse.space.space import Space

TENS = [str(number) for number in range(10)]
SAMPLE = 1000


def ten(**asks: Any) -> Decision:
    return prior({label: int(label) for label in TENS}, **asks)


def plain() -> Space:
    """Six decisions of ten options, no rule: 1,000,000."""
    return Space({f"d{i}": ten() for i in range(6)})


def ruled() -> Space:
    """Eight decisions and a rule of every kind, each on two or three of them: about a million."""
    decisions = {f"d{i}": ten() for i in range(8)}
    decisions["d3"] = prior({label: int(label) for label in TENS[:6]})
    decisions["d5"] = ten(requires={"9": {"d0": ["0", "1"]}})
    space = Space(decisions)
    return (
        space.link("d2", "d6")
        .only_when("d7", {"d4": "0"})
        .forbid("two nines", lambda d0, d1: d0 == d1 == "9")
        .forbid("an eight, a five, an eight", {"d1": "8", "d3": "5", "d5": "8"})
    )


def union() -> Space:
    """Two spaces of 550,000 with a decision of their own each, and 50,000 universes in common: 1,050,000."""
    shared = {f"d{i}": ten() for i in range(5)}
    left = Space({**shared, "left": ten()}).only_when("left", {"d0": TENS[:5]})
    right = Space({**shared, "right": ten()}).only_when("right", {"d0": TENS[:5]})
    return left | right


def scanned() -> Space:
    """Six decisions of ten options and a function of all six, which forces a scan: 999,999."""
    return plain().forbid("all nines", lambda d0, d1, d2, d3, d4, d5: d0 == d1 == d2 == d3 == d4 == d5 == "9")


def ours(space: Space) -> dict[str, Any]:
    """CPU seconds of each task."""
    return {
        "count": timed("count", lambda: space.size),
        "universes": space.size,
        "enumerate": timed("enumerate", lambda: exhaust(space)),
        "index": timed("index", lambda: exhaust(space[index] for index in range(space.size))),
        "find": timed("find", lambda: exhaust(space.index(universe) for universe in space)) - TAKEN["enumerate"],
        "sample": timed("sample", lambda: space.sample(SAMPLE)),
    }


def peer() -> dict[str, Any]:
    """The same with itertools.product, a filter and a list, as one would write it, for the last of our spaces."""
    names = [f"d{i}" for i in range(6)]
    kept: list[dict[str, str]] = []

    def make() -> None:
        rows = (dict(zip(names, labels, strict=True)) for labels in itertools.product(*[TENS] * 6))
        kept.extend(row for row in rows if set(row.values()) != {"9"})

    return {
        "count": timed("count", make),
        "universes": len(kept),
        "enumerate": timed("enumerate", lambda: exhaust(kept)),
        "index": timed("index", lambda: exhaust(kept[index] for index in range(len(kept)))),
        "find": timed("find", lambda: [kept.index(kept[place]) for place in range(0, len(kept), len(kept) // 10)])
        * len(kept)
        / 10,
        "sample": timed("sample", lambda: random.Random(0).sample(kept, SAMPLE)),
    }


TAKEN: dict[str, float] = {}


def timed(name: str, task: Callable[[], object]) -> float:
    began = time.process_time()
    task()
    TAKEN[name] = time.process_time() - began
    return TAKEN[name]


def exhaust(items: Iterable[object]) -> None:
    for _ in items:
        pass


SPACES = {"plain": plain, "ruled": ruled, "union": union, "scanned": scanned}


def measure(name: str) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = peer() if name == "product" else ours(SPACES[name]())
    found["MB"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    found["diagram kB"] = 0.0
    if name in SPACES:
        tracemalloc.start()
        space = SPACES[name]()
        before_it = tracemalloc.get_traced_memory()[0]
        assert space.size
        found["diagram kB"] = (tracemalloc.get_traced_memory()[1] - before_it) / 1024
    return found


def main() -> None:
    columns = ("universes", "count", "enumerate", "index", "find", "sample", "MB", "diagram kB")
    print(f"{'':10}" + "".join(f"{column:>14}" for column in columns))
    for name in (*SPACES, "product"):
        said = subprocess.run([sys.executable, __file__, name], capture_output=True, check=True, text=True)
        found = json.loads(said.stdout)
        print(
            f"{name:10}" + "".join(f"{found[c]:>14,.3f}" if c != "universes" else f"{found[c]:>14,}" for c in columns)
        )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
