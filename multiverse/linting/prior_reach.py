"""Priors that put almost no mass where the data are, told by data sets simulated from the prior predictive.

After Box 1980, JRSS A 143:383, and Evans & Moshonov 2006, Bayesian Analysis 1:893: a statistic of the observed data is
compared with the same statistic of data sets that prior and likelihood make. Two are looked at, for each observed site:
the mean, which may lie beyond all simulated ones on either side, and the standard deviation, which may only be too
large for them. A prior that is wider than it needs to be is never a finding: its data sets lie on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from multiverse.linting.data_sets import forbidding, where
from multiverse.linting.finding import Finding, finding
from multiverse.planning.observed import has_factors, observed_sites
from multiverse.planning.padding import MASK
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.structure import Leaves
from multiverse.planning.tracing import TRACING
from multiverse.space.counted import counted

CHECK = "priors far from the data"
ALMOST_NO_MASS = 0.005  # of simulated data sets: what Benjamin et al. 2018, Nature Human Behaviour 2:6, ask of evidence
CONFIDENCE = 0.99  # that the share is smaller: the Monte Carlo error of a share of which no simulation showed any
BEYOND = 5.0  # spacings of the NEAREST simulated ones: if the density went on alike, a gap like that had 0.7 %, exp(-5)
NEAREST = 10
LOOKS = (16, 128)  # simulations that clear most universes, and then most of those left
# 1,024: where none of so many shows it, the share is below ALMOST_NO_MASS (Clopper & Pearson 1934).
SIMULATIONS = 2 ** math.ceil(math.log2(math.log1p(-CONFIDENCE) / math.log1p(-ALMOST_NO_MASS)))
LANES = 1024  # simulations computed side by side, fewer for large data
ELEMENTS = 4_000_000  # numbers of data in all lanes of a call, 16 MB
ROWS = 64  # drawn from the rows of a universe, where the model says what rows are: a mean of these is a statistic too
UNIVERSES = 1_000  # looked at, at most, by a plan; drawn by key, so that each option of a large plan is among them


class _Conflict(NamedTuple):
    """Observed data that the prior of a universe does not reach: of which site, by what, and the simulated range."""

    key: str
    site: str
    rows: str  # how many of how many, where it is not all
    statistic: str  # "mean" or "standard deviation"
    observed: float
    low: float
    high: float


class _Statistics(NamedTuple):
    """Of one site in each lane: the mean and standard deviation of the observed and of the simulated data."""

    observed: np.ndarray  # (lane, 2); NaN where the likelihood cannot hold the data
    simulated: np.ndarray  # (lane, 2); not finite where the simulated data overflow


def prior_reach(plan: Plan) -> Iterator[Finding]:
    """The universes whose prior predictive does not reach their data, a finding for each observed site and statistic.

    Models with a `numpyro.factor`, and distributions that cannot be sampled, are passed over.
    """
    share = min(1.0, UNIVERSES / max(1, len(plan.program_of)))
    found: dict[tuple[str, str], list[_Conflict]] = {}
    looked_at = 0
    for program in plan.programs:
        if program.kind == "model":
            keys = sorted(program.members)[: math.ceil(share * len(program.members))]
            try:
                conflicts = list(_conflicts(program, keys))
            except NotImplementedError:  # a distribution without a sampler
                continue
            looked_at += len(keys)
            for one in conflicts:
                found.setdefault((one.site, one.statistic), []).append(one)
    for alike in found.values():
        yield _finding(plan, alike, looked_at)


def _conflicts(program: Program, keys: Sequence[str]) -> Iterator[_Conflict]:
    simulator = _Simulator(program)
    if not simulator.sites:
        return
    doubtful = list(keys)
    for simulations in LOOKS:
        looked = simulator(doubtful, simulations)
        doubtful = [key for key, of in looked if any(_unreached(told, beyond=0.0) for told in of.values())]
    for key, of in simulator(doubtful, SIMULATIONS):
        kept = program.members[key].rows_kept
        rows = f" ({ROWS} rows of {kept:,})" if _draws_rows(program) and kept > ROWS else ""
        for site, told in of.items():
            for at in _unreached(told)[:1]:  # a mean that is out of reach takes the spread with it
                simulated = told.simulated[:, at]
                name = ("mean", "standard deviation")[at]
                yield _Conflict(
                    key, site, rows, name, _observed(told, at), float(simulated.min()), float(simulated.max())
                )


def _unreached(told: _Statistics, beyond: float = BEYOND) -> list[int]:
    """Which statistics no simulated data set reaches: 0 for the mean, 1 for the standard deviation."""
    found = []
    for at in (0, 1):
        observed, simulated = _observed(told, at), told.simulated[:, at]
        if not np.isfinite(observed) or not np.isfinite(simulated).all():
            continue
        above, below = _beyond(simulated, observed, beyond), _beyond(-simulated, -observed, beyond)
        if above or (below and at == 0):
            found.append(at)
    return found


def _observed(told: _Statistics, at: int) -> float:
    """The observed statistic; NaN where no lane holds the data: parameters may decide what a likelihood can hold."""
    known = told.observed[np.isfinite(told.observed[:, at]), at]
    return float(known[0]) if len(known) else math.nan


def _beyond(simulated: np.ndarray, observed: float, spacings: float) -> bool:
    """Whether a number lies above all simulated ones, by more than so many of their spacings at that end."""
    top = np.sort(simulated)[-NEAREST:]
    spacing = (top[-1] - top[0]) / (len(top) - 1)
    return bool(observed > top[-1] and observed - top[-1] > spacings * spacing)


class _Simulator:
    """Simulates data of the universes of a program from their priors, in blocks of one shape.

    Operation by operation, not compiled: all programs share most operations, and few are looked at for long.
    sites: the observed sites, by name; none where the prior cannot be simulated.
    """

    def __init__(self, program: Program):
        # Another parameterization has the same prior predictive.
        self._program = replace(program, signature=replace(program.signature, reparam={}))
        leaves = self._leaves(next(iter(program.members)))
        self.sites = () if has_factors(program, leaves) else tuple(program.sites.observed)
        size = sum(int(np.prod(leaf.shape)) for leaf in leaves.values())
        self._lanes = 2 ** int(np.log2(np.clip(ELEMENTS // max(1, size), LOOKS[0], LANES)))

    def __call__(self, keys: Sequence[str], simulations: int) -> Iterator[tuple[str, dict[str, _Statistics]]]:
        """Universe by universe the statistics of so many simulations, by site."""
        a_call = max(1, self._lanes // simulations)
        calls = max(1, simulations // self._lanes)
        each = simulations // calls
        for at in range(0, len(keys), a_call):
            block = keys[at : at + a_call]
            filled = [*block, *[block[0]] * (a_call - len(block))]
            parts = [self._run(filled, each, part) for part in range(calls)]
            for i, key in enumerate(block):
                mine = slice(i * each, (i + 1) * each)
                yield (
                    key,
                    {
                        site: _Statistics(
                            np.concatenate([part[site].observed[mine] for part in parts]),
                            np.concatenate([part[site].simulated[mine] for part in parts]),
                        )
                        for site in self.sites
                    },
                )

    def _run(self, keys: Sequence[str], each: int, part: int) -> dict[str, _Statistics]:
        """Statistics by site, lanes in the order of the universes."""
        import jax

        leaves = [self._leaves(key) for key in keys]
        stacked = {p: np.repeat(np.stack([at[p] for at in leaves]), each, axis=0) for p in leaves[0]}
        # XLA's own generator, which compiles fast: it is compiled for each shape, and runs seldom.
        seed = jax.random.fold_in(jax.random.key(int(keys[0][:8], 16), impl="rbg"), part)
        with TRACING:
            told = jax.vmap(self._one)(stacked, jax.random.split(seed, len(keys) * each))
        return {site: _Statistics(*map(np.asarray, statistics)) for site, statistics in told.items()}

    def _one(self, leaves: Mapping[str, Any], seed: Any) -> dict[str, tuple[Any, Any]]:
        import jax
        import jax.numpy as jnp

        latents, data = jax.random.split(seed)
        told, statistics = {}, jax.jit(_mean_and_sd)
        for site in observed_sites(self._program, leaves, latents):
            simulated = _sample(site.fn, data)
            if site.fn.is_discrete:  # large counts overflow to negative ones
                simulated = jnp.where(jnp.all(site.fn.support(simulated)), simulated, jnp.nan)
            # Data that the likelihood cannot hold are told by another check; no prior would reach them.
            held = jnp.all(jnp.broadcast_to(site.fn.support(site.value), site.mask.shape) | ~site.mask)
            observed = jnp.where(held, site.value.astype(jnp.float32), jnp.nan)
            told[site.name] = statistics(observed, site.mask), statistics(simulated.astype(jnp.float32), site.mask)
        return told

    def _leaves(self, key: str) -> Leaves:
        """The leaves of a universe, in float32; of many rows that it keeps, some."""
        program = self._program
        leaves = {p: a.astype(np.float32) if a.dtype.kind == "f" else a for p, a in program.leaves(key).items()}
        if program.padding is None or not _draws_rows(program):
            return leaves
        kept = program.members[key].rows_kept
        rows = np.sort(np.random.default_rng(kept).permutation(kept)[:ROWS])
        rows = np.concatenate([rows, np.zeros(ROWS - len(rows), dtype=int)])
        some = {path: leaf[rows] if path in program.padding.paths else leaf for path, leaf in leaves.items()}
        return some | {MASK: np.arange(ROWS) < kept}


def _draws_rows(program: Program) -> bool:
    """Whether the model says what rows are, and has so many that some will do."""
    return program.padding is not None and program.padding.length > ROWS


def _sample(fn: Any, key: Any) -> Any:
    """One draw of a distribution; raises NotImplementedError where it has no sampler."""
    import jax

    try:
        return fn.sample(key)
    except NotImplementedError:  # Poisson, and all that is made of it, wants JAX's own generator
        return fn.sample(jax.random.wrap_key_data(jax.random.bits(key, (2,), "uint32")))


def _mean_and_sd(values: Any, mask: Any) -> Any:
    """The mean and the standard deviation of the values that count, `(2,)`; the axes of an event are values too."""
    import jax.numpy as jnp

    weight = jnp.broadcast_to(mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim)), values.shape)
    count = jnp.maximum(weight.sum(), 1)
    mean = jnp.where(weight, values, 0.0).sum() / count
    sd = jnp.sqrt(jnp.where(weight, (values - mean) ** 2, 0.0).sum() / count)
    return jnp.stack([mean, sd])


def _finding(plan: Plan, alike: Sequence[_Conflict], looked_at: int) -> Finding:
    keys = {one.key for one in alike}
    first_key = next(key for key in plan.universes if key in keys)
    first = next(one for one in alike if one.key == first_key)
    size = "larger" if first.observed > first.high else "smaller"
    of_some = f" (of {looked_at:,} looked at)" if looked_at < len(plan.program_of) else ""
    what = (
        f"the priors put almost no mass where the data are{where(plan, keys)}: the {first.statistic} of "
        f"{first.site!r}{first.rows} is {first.observed:.4g}, {size} than in all of {SIMULATIONS:,} data sets "
        f"simulated from the prior, {first.low:.4g} to {first.high:.4g}. "
        f"That holds in {counted(len(keys), 'universe')}{of_some}."
    )
    by = "mean" if first.statistic == "mean" else "spread"
    mend = (
        f"widen or move the priors that set the {by} of {first.site!r}, or bring it to their scale in prepare; "
        f"simulate by `numpyro.infer.Predictive(model, num_samples=100)` to see"
    )
    return finding(plan, CHECK, what, keys, mend + forbidding(plan, keys))
