"""Many trivial universes through Ray: universes a second, and the memory of the driver.

python many.py [--count 100000] [--study traced --study plain]     prints a table

Every run is a process of its own. Memory is the resident memory of the driver at most: after planning, and at the end.
"""

from __future__ import annotations

import sys

import click
from overhead import one
from studies import STUDIES


@click.command(help=__doc__)
@click.option("--study", "studies", type=click.Choice(list(STUDIES)), multiple=True, default=["traced", "plain"])
@click.option("--count", "counts", multiple=True, default=[10_000, 100_000])
@click.option("--workers", default=2)
def main(studies: tuple[str, ...], counts: tuple[int, ...], workers: int) -> None:
    """Measure each."""
    print("| study | universes | plan s | MB after it | sweep s | universes/s | CPU s: driver | workers | MB at most |")
    print("|" + " --- |" * 9, flush=True)
    for study in studies:
        for count in counts:
            print(f"{study}, {count:,} universes", file=sys.stderr, flush=True)
            run = one("ray", ["--study", study, "--count", str(count), "--workers", str(workers)])
            told = [study, f"{run['universes']:,}", f"{run['plan']:.1f}", f"{run['planned MB'][1]:.0f}"]
            told += [f"{run['sweep']:.1f}", f"{run['universes'] / run['sweep']:,.0f}"]
            told += [f"{run['cpu of driver']:.1f}", f"{run['cpu of workers']:.1f}", f"{run['run MB'][1]:.0f}"]
            print("| " + " | ".join(told) + " |", flush=True)


if __name__ == "__main__":
    main()
