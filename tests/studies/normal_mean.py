"""A study whose every posterior is known in closed form: the mean of normal data with known noise and a normal prior.

Tests import it as the fixture `normal_mean`; called as a command it runs in a process of its own:
`python normal_mean.py STORE [--devices 2] [--threads 1] [--exact] ...`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv

ROWS = 24
Y = np.random.default_rng(7).normal(1.0, 2.0, ROWS)
PRIORS = {"wide": (0.0, 10.0), "unit": (0.0, 1.0), "narrow": (0.0, 0.2), "far": (5.0, 0.5), "below": (-3.0, 2.0)}
NOISES = {"one": 1.0, "three": 3.0}
DROPPED = {"none": 0, "two": 2, "five": 5, "eight": 8, "eleven": 11}  # 13 rows of 24 are more than half: one program

OPEN = mv.Gate(rhat_max=np.inf, rhat_local_max=np.inf, divergences_max=np.inf, ess_per_chain=-np.inf, ebfmi_min=-np.inf)
QUICK = mv.NUTS(chains=2, warmup=100, draws=100, gate=OPEN)  # for tests of anything but the posterior
MANY_BATCHES = replace(QUICK, chains=8, warmup=300)  # two universes in a batch, which takes about 0.1 s


class Exact(NamedTuple):
    """The posterior of mu: normal with this mean and standard deviation."""

    mean: float
    sd: float


def prepare(raw: Mapping[str, np.ndarray], *, dropped: int) -> dict[str, np.ndarray]:
    return {"y": raw["y"][dropped:]}


def model(data: Mapping[str, Any], *, prior: Any, noise: float) -> None:
    mu = numpyro.sample("mu", prior)
    numpyro.deterministic("twice", 2 * mu)
    with mv.rows(data):
        numpyro.deterministic("residual", data["y"] - mu)
        numpyro.sample("y", dist.Normal(mu, noise), obs=data["y"])


def space(
    priors: int | Sequence[str] = 5,
    noises: int | Sequence[str] = 2,
    dropped: int | Sequence[str] = 5,
    *,
    backwards: bool = False,
) -> mv.Space:
    """The first so many options of each decision, or those named; all are 50 universes.

    backwards: the decisions in another order.
    """
    decisions = {
        "dropped": mv.preprocessing(_some(DROPPED, dropped)),
        "prior": mv.prior({label: dist.Normal(*at) for label, at in _some(PRIORS, priors).items()}),
        "noise": mv.likelihood(_some(NOISES, noises)),
    }
    return mv.Space(**(dict(reversed(decisions.items())) if backwards else decisions))


def _some(options: Mapping[str, Any], wanted: int | Sequence[str]) -> dict[str, Any]:
    return {label: options[label] for label in (list(options)[:wanted] if isinstance(wanted, int) else wanted)}


def study(of: mv.Space | None = None, **changes: Any) -> mv.Study:
    """The study over a space (by default all 50 universes), with any of its parts changed."""
    base = mv.Study(
        name="normal mean",
        data={"y": Y},
        prepare=prepare,
        model=model,
        estimands={"mu": "mu"},
        space=space() if of is None else of,
    )
    return replace(base, **changes)


def exact(universe: Mapping[str, str | None]) -> Exact:
    """The closed form: precisions add, and the mean is weighted by them."""
    mean, sd = PRIORS[str(universe["prior"])]
    noise = NOISES[str(universe["noise"])]
    y = Y[DROPPED[str(universe["dropped"])] :]
    precision = sd**-2 + len(y) * noise**-2
    return Exact((mean * sd**-2 + y.sum() * noise**-2) / precision, precision**-0.5)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("store", type=Path)
    asked.add_argument("--devices", type=int, help="CPU devices")
    asked.add_argument("--threads", type=int)
    asked.add_argument("--many-batches", action="store_true")
    asked.add_argument("--exact", action="store_true", help="the engine of exact_engines.py, which compiles nothing")
    asked.add_argument("--die-in-put", type=int, default=-1, help="kill this process while it publishes this part")
    asked.add_argument("--after-rename", action="store_true", help="then, not before, the part has its name")
    at = asked.parse_args()
    if at.devices:
        jax.config.update("jax_num_cpu_devices", at.devices)
    if at.die_in_put >= 0:
        _die(at.die_in_put, at.after_rename)
    engine: Any = MANY_BATCHES if at.many_batches else QUICK
    if at.exact:
        sys.modules["normal_mean"] = sys.modules["__main__"]  # where it looks for the closed form
        engine = importlib.import_module("exact_engines").OneRound()
    mv.run(study(space(dropped=4)), store=at.store, engine=engine, executor=mv.Local(at.threads))


def _die(number: int, after: bool) -> None:
    """Kill this process without warning at the rename that publishes part `number` (0 is the first)."""
    rename, renamed = os.replace, iter(range(number))

    def replace_or_die(source: Any, to: Any) -> None:
        last = "parts" in Path(to).parts and next(renamed, None) is None
        if not last or after:
            rename(source, to)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_or_die


if __name__ == "__main__":
    main()
