"""Run both sides in turn, each in a process of its own on one core, and print the tables of the README.

python compare.py --peer-python PYTHON --empty FOLDER [--core 0] [--save results.csv]

The time to a quality is that of the first check at which both sets of pairs have it: imports and checks are not in it,
simulating, building, compiling and training are. A round takes some ten minutes on a free machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from told import Check, Speed, heard

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[2]
CACHES: Final = "JAX_COMPILATION_CACHE_DIR", "MULTIVERSE_CACHE"


def told_by(command: Sequence[str], core: int, empty: Path) -> list[Check | Speed]:
    """What a side says, pinned to a core, with nothing compiled before."""
    print("running", " ".join(command[1:]), file=sys.stderr, flush=True)
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    cold = {name: str(empty) for name in CACHES}
    said = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, **cold, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return [heard(line) for line in said.stdout.splitlines() if line.startswith("{")]


def reached(checks: Sequence[Check], level: float) -> Check | None:
    """The first check of one side at which both sets of pairs have this share of good ones: the later of its two."""
    for step in sorted({check.steps for check in checks}):
        of_step = [check for check in checks if check.steps == step]
        if all(check.good >= level for check in of_step):
            return of_step[-1]
    return None


def checks_table(checks: Sequence[Check]) -> str:
    """Every check, by side and set of pairs."""
    heads = ["side", "pairs", "steps", "simulations", "wall s", "CPU s", "good", "ESS, median", "ESS, 5th percentile"]
    rows = [
        [c.side, c.pairs, c.steps, f"{c.simulations:,}", f"{c.wall:.1f}", f"{c.cpu:.1f}"]
        + [f"{share:.3f}" for share in (c.good, c.ess, c.ess_low)]
        for c in checks
    ]
    return table(heads, rows)


def times_table(checks: Sequence[Check], levels: Sequence[float]) -> str:
    """Seconds of each side to each level, and how many times ours that is."""
    rows = []
    sides = list(dict.fromkeys(check.side for check in checks))
    for level in levels:
        found = {side: reached([check for check in checks if check.side == side], level) for side in sides}
        ours = found[sides[0]]
        for side, check in found.items():
            if check is None:
                rows.append([f"{level:.2f}", side, "not reached", "", "", "", ""])
                continue
            ratios = ["", ""] if ours is None else [f"{check.wall / ours.wall:.1f}×", f"{check.cpu / ours.cpu:.1f}×"]
            rows.append([f"{level:.2f}", side, check.steps, f"{check.wall:.1f}", f"{check.cpu:.1f}", *ratios])
    return table(["share with good k-hat", "side", "steps", "wall s", "CPU s", "wall", "CPU"], rows)


def speeds_table(speeds: Sequence[Speed]) -> str:
    """Draws a second, by what is made of them."""
    rows = [[s.what, s.side, f"{s.wall:,.0f}", f"{s.cpu:,.0f}"] for s in sorted(speeds, key=lambda s: s.what)]
    return table(["what", "side", "draws a second, wall", "of CPU"], rows)


def table(heads: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="a Python that has bayesflow 2 and what multiverse needs")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--levels", type=float, nargs="+", default=[0.8, 0.85, 0.9])
    parser.add_argument("--empty", type=Path, required=True, help="an empty folder, for code that is compiled")
    parser.add_argument("--save", type=Path, default=HERE / "results.csv", help="a CSV file for every check")
    given = parser.parse_args()
    ours = ["ours.py"], ["ours.py", "--tuned"], ["ours_by_hand.py"]
    sides = [[sys.executable, *words] for words in ours]
    sides += [[given.peer_python, "bayesflow_peer.py", "--network", network] for network in ("small", "default")]
    told = [line for i, side in enumerate(sides) for line in told_by(side, given.core, given.empty / str(i))]
    checks = [line for line in told if isinstance(line, Check)]
    with given.save.open("w", newline="") as file:
        rows = csv.DictWriter(file, [field.name for field in fields(Check)], lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(check) for check in checks)
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{platform.machine()}, one core, Python {platform.python_version()}, load {load}\n")
    print(
        times_table(checks, given.levels), speeds_table([line for line in told if isinstance(line, Speed)]), sep="\n\n"
    )
    print("\n" + checks_table(checks))


if __name__ == "__main__":
    main()
