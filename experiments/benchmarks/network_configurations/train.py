"""Train networks for 1, 10 and 100 universes and for all between them, and try each on simulations it never saw.

python train.py [--seeds 12 6 3 3] [--steps 100 ... 3200]     writes checks.csv, or adds to it; `figure.py` draws it

The universes are posteriors of `experiments/eight_schools_multiverse/study.py`; how a model is written makes no other
posterior, so that it has 324, of which so many are taken at random, others for each seed. "Between": a school left out
or none, and any numbers between those of two universes. All networks have one size and fresh simulations in each step.
The learning rate falls over all steps of a training, so that a network in the midst of one is worse than one that was
to end there: each number of steps is a training of its own. At its end the network answers 400 pairs of a universe and
a data set simulated under it, drawn as those that it was trained on.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import itertools
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.checkpoint import begin
from multiverse.engines.amortized.family import Family, families_of
from multiverse.engines.amortized.learner import Learner, Size, make_learner
from multiverse.engines.amortized.network import Inputs
from multiverse.engines.amortized.simulations import Subject, simulated
from multiverse.engines.amortized.training import Schedule, Trainer
from multiverse.engines.compiled import Once
from multiverse.engines.gate import WeightsGate
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import importance_ess, normalised
from multiverse.loading import load_study
from multiverse.planning.build import plan
from multiverse.planning.tracing import compiled
from multiverse.progress import bar, no_progress

HERE: Final = Path(__file__).parent
STUDY: Final = Path(__file__).parents[2] / "eight_schools_multiverse" / "study.py"
COUNTS: Final = (1, 10, 100)
BETWEEN: Final = "between"  # all universes, and those between any two
SIZE: Final = Size(couplings=6, kind="affine", width=128, members=None, whiten="auto")
PAIRS: Final = 400  # held out; a share of them errs by 1.5 points at 0.9
SEGMENT: Final = 100  # steps
STEPS: Final = (100, 200, 400, 800, 1600, 3200)  # of a training, whole segments
DRAWS: Final = 1000
BLOCK: Final = 20  # pairs of one compiled call


class Check(NamedTuple):
    """What a network is worth after a training on so many simulations."""

    universes: str
    seed: int
    simulations: int
    loss: float  # mean of the last 100 steps, nats
    good: float  # share of pairs with k-hat below the bound of the gate
    ess: float  # median importance ESS, a draw
    cpu: float  # seconds of training, compilation left out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs=4, default=(12, 6, 3, 3), help="for 1, 10, 100, and between")
    parser.add_argument("--out", type=Path, default=HERE / "checks.csv")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS)
    parser.add_argument("--add", action="store_true", help="to what the file holds")
    given = parser.parse_args()
    whole = posteriors()
    steps = sum(given.seeds) * sum(given.steps)
    with given.out.open("a" if given.add else "w", newline="") as file, bar("training", steps, "steps") as advance:
        rows = csv.writer(file, lineterminator="\n")
        if not given.add:
            rows.writerow(Check._fields)
        for count, seeds in zip((*COUNTS, BETWEEN), given.seeds, strict=True):
            for seed, steps in itertools.product(range(seeds), given.steps):
                check = learn(some(whole, count, seed), str(count), seed, Schedule(segment=SEGMENT, steps=steps))
                rows.writerow([f"{x:.4g}" if isinstance(x, float) else x for x in check])
                file.flush()
                advance(steps, note=f"{count}, seed {seed}, {steps} steps: {check.good:.0%}, ESS {check.ess:.0%}")
    print(f"checks are in {given.out}", file=sys.stderr)


def posteriors() -> Family:
    """The family of the study with its non-centered program alone, which is written as the network learns it."""
    ((family,), _) = families_of(plan(load_study(STUDY).study, progress=no_progress))
    program = next(one for one, its in zip(family.programs, family.opened, strict=True) if its.other is None)
    return dataclasses.replace(family, programs=(program,))


def some(family: Family, count: int | str, seed: int) -> Family:
    """The family with so many of its universes, drawn at random."""
    (program,) = family.programs
    if count == BETWEEN:
        return family
    chosen = np.random.default_rng(seed).choice(sorted(program.members), int(count), replace=False)
    members = {key: program.members[key] for key in sorted(map(str, chosen))}
    return dataclasses.replace(family, programs=(dataclasses.replace(program, members=members),))


def learn(family: Family, universes: str, seed: int, schedule: Schedule) -> Check:
    """Train a network from its beginning to the last step of the schedule."""
    import jax

    between = 1.0 if universes == BETWEEN else 0.0
    learner = make_learner(family, SIZE, schedule, (), seed)
    trainer = Trainer(learner.flow, schedule, sample(learner.subject, schedule.batch, between))
    learner = dataclasses.replace(learner, trainer=trainer, programs=Once())
    pairs = held_out(learner, between, seed)
    checkpoint, spent = begin(learner.flow, seed), 0.0
    with jax.enable_x64(False):
        trainer.segment(learner.subject.arguments, checkpoint, seed)  # compiles
    while checkpoint.step < schedule.steps:
        began = cpu_seconds()
        checkpoint, losses = learner.segment(checkpoint)
        spent += cpu_seconds() - began
    good, ess = quality(learner, checkpoint.average, pairs, seed)
    return Check(universes, seed, schedule.steps * schedule.batch, float(losses.mean()), good, ess, spent)


def sample(subject: Subject, batch: int, between: float) -> Callable[[Any, Any], tuple[Inputs, Any]]:
    """As `Subject.sample`, with a share of universes between two others that is given."""
    import jax
    import jax.numpy as jnp

    def one(arguments: Any, key: Any) -> tuple[Inputs, Any]:
        leaves, z = simulated(subject.family, 0, arguments["spaces"][0], key, between)
        truth = z.astype(jnp.float32)
        inputs, white = subject.look(0, arguments["constants"], leaves, truth)
        return inputs, white.u(truth)

    return lambda arguments, key: jax.vmap(lambda key: one(arguments, key))(jax.random.split(key, batch))


def held_out(learner: Learner, between: float, seed: int) -> dict[str, np.ndarray]:
    """Leaves of the pairs, (pair, ...)."""
    import jax

    with jax.enable_x64(False):
        space = learner.subject.arguments["spaces"][0]

        def many(space: Any, key: Any) -> Any:
            keys = jax.random.split(key, PAIRS)
            return jax.vmap(lambda key: simulated(learner.subject.family, 0, space, key, between)[0])(keys)

        key = jax.random.fold_in(jax.random.key(seed), 2**31 - 1)  # no step of a training has this number
        return {path: np.asarray(leaf) for path, leaf in compiled(many, space, key)(space, key).items()}


def quality(learner: Learner, weights: Any, pairs: dict[str, np.ndarray], seed: int) -> tuple[float, float]:
    """The share of pairs with k-hat below the bound of the gate, and the median importance ESS of a draw."""
    import jax

    khats, shares = [], []
    for i in range(0, PAIRS, BLOCK):
        words = np.stack([np.full(BLOCK, seed), np.arange(i, i + BLOCK)], axis=1).astype(np.uint32)
        with jax.enable_x64(True):
            leaves = {
                p: a[i : i + BLOCK].astype("f8") if a.dtype.kind == "f" else a[i : i + BLOCK] for p, a in pairs.items()
            }
            drawn = learner.draw(weights, 0, (), leaves, words, DRAWS)
        khat, smoothed = smooth(drawn.log_weights.astype(np.float64))
        khats.append(khat)
        shares.append(np.nan_to_num(importance_ess(normalised(smoothed)) / DRAWS))
    bound = WeightsGate().khat_bound(DRAWS)
    return float((np.concatenate(khats) < bound).mean()), float(np.median(np.concatenate(shares)))


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
