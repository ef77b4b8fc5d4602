"""Train a network, and five together in one loop: what does a step cost, and how long does it compile?

python measure.py [--rounds 5]     prints the table of the README

Five share the simulations of a step, and one compiled loop. Segments of both take turns, so that what else the machine
does falls on both alike; compared are CPU seconds, the median over rounds. The problem is that of
`experiments/eight_schools_multiverse/study.py`, whose answers are timed as well: five networks share the draws.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

os.environ["MULTIVERSE_CACHE"] = tempfile.mkdtemp()  # nothing is compiled yet

import jax
import numpy as np

from multiverse.engines.amortized.answer import BLOCK
from multiverse.engines.amortized.family import families_of
from multiverse.engines.amortized.learner import Learner, Size, make_learner
from multiverse.engines.amortized.training import Schedule
from multiverse.loading import load_study
from multiverse.planning.build import plan
from multiverse.progress import no_progress

STUDY: Final = Path(__file__).parents[2] / "eight_schools_multiverse" / "study.py"
MEMBERS: Final = (1, 5)
STEPS: Final = 250  # of a segment
DRAWS: Final = 2000
HEADS: Final = (
    "networks",
    "ms a step, wall",
    "CPU",
    "s to compile, wall",
    "CPU",
    "CPU ms an answer",
    "CPU s to compile it",
)


class Spent(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float

    @staticmethod
    def now() -> Spent:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Spent(time.perf_counter(), used.ru_utime + used.ru_stime)

    def until_now(self) -> Spent:
        now = Spent.now()
        return Spent(now.wall - self.wall, now.cpu - self.cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    ((family,), _) = families_of(plan(load_study(STUDY).study, progress=no_progress))
    schedule = Schedule(segment=STEPS)
    sizes = {k: Size(couplings=6, kind="affine", width=128, members=k, whiten="auto") for k in MEMBERS}
    learners = {k: make_learner(family, size, schedule, (), seed=0) for k, size in sizes.items()}
    begun = {k: learner.begin() for k, learner in learners.items()}
    first, steps = {}, {k: [] for k in MEMBERS}
    answers_first, answers = {}, {k: [] for k in MEMBERS}
    for round_ in range(1 + given.rounds):
        for k, learner in learners.items():
            clock = Spent.now()
            begun[k], _ = learner.segment(begun[k])
            spent = clock.until_now()
            clock = Spent.now()
            answer(learner, begun[k].average)
            answered = clock.until_now()
            if round_ == 0:
                first[k], answers_first[k] = spent, answered
            else:
                steps[k].append(spent)
                answers[k].append(answered)
    print("| " + " | ".join(HEADS) + " |\n|" + " --- |" * len(HEADS))
    found = {}
    for k in MEMBERS:
        wall, cpu = np.median([list(s) for s in steps[k]], axis=0)
        _, answer_cpu = np.median([list(s) for s in answers[k]], axis=0)
        compiling = first[k].wall - wall, first[k].cpu - cpu
        found[k] = np.array([1e3 * wall / STEPS, 1e3 * cpu / STEPS, *compiling, 1e3 * answer_cpu / BLOCK])
        cells = [f"{x:.1f}" for x in (*found[k], answers_first[k].cpu - answer_cpu)]
        print(f"| {k} | " + " | ".join(cells) + " |")
    ratio = found[MEMBERS[1]] / found[MEMBERS[0]]
    print(f"\nFive cost {ratio[0]:.2f} times one a step (CPU {ratio[1]:.2f}), {ratio[4]:.2f} times one an answer.")


def answer(learner: Learner, weights: dict[str, np.ndarray]) -> None:
    """Draws for a block of universes, with all that weighs them."""
    program = learner.subject.family.opened[0].program
    words = np.stack([np.zeros(BLOCK), np.arange(BLOCK)], axis=1).astype(np.uint32)
    with jax.enable_x64(True):
        leaves = program.gather(sorted(program.members)[:BLOCK], "float64")
        learner.draw(weights, 0, (), leaves, words, DRAWS)


if __name__ == "__main__":
    main()
