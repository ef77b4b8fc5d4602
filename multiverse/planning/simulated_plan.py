"""A plan of simulated data sets, which any engine can answer: truths from the prior, data from the likelihood.

A data set is leaves, so one that was simulated from a universe is one more member of the universe's program, opened so
that what it observes is among its leaves. The truth that it was simulated from is kept beside the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.errors import PlanError, Problem
from multiverse.identity.fingerprint import fingerprint
from multiverse.identity.keys import rng_words
from multiverse.planning.density import draw_of
from multiverse.planning.plan import Plan
from multiverse.planning.program import Member, Program
from multiverse.planning.quantities import Quantity, quantities_of, sites_of, values_of
from multiverse.planning.row_axes import row_axes, without_padding
from multiverse.planning.simulate import OBSERVED, opened, simulator, why_not_simulated
from multiverse.planning.tracing import QUICK_COMPILE, compiled
from multiverse.progress import Progress, bar

LANES: Final = 256  # simulations of one compiled call
PRIOR_DRAWS: Final = 256  # for the sd of a quantity under a universe's prior: within 4 % of it where it is normal
TRUTH: Final = 0  # the attempt that a simulation's random words are those of; engines begin with 1


class Origin(NamedTuple):
    """What a data set was simulated from: the key of a universe, and which of its simulations it is."""

    universe: str
    number: int


class Prior(NamedTuple):
    """Mean and sd of a quantity under the prior of a universe."""

    mean: float
    sd: float


@dataclass(frozen=True, eq=False)
class SimulatedPlan:
    """A plan whose universes are simulated data sets, and their truths.

    plan: by key, a universe of the study for each data set. origins: by key. truths: by key and name of the quantity.
    priors: by universe and name. quantities: what is compared. declined: how many universes cannot be simulated from,
    by reason. of: the plan that it was made of.
    """

    plan: Plan
    origins: Mapping[str, Origin] = field(repr=False)
    truths: Mapping[str, Mapping[str, float]] = field(repr=False)
    priors: Mapping[str, Mapping[str, Prior]] = field(repr=False)
    quantities: tuple[Quantity, ...]
    declined: Mapping[str, int]
    of: Plan = field(repr=False)

    def __len__(self) -> int:
        return len(self.origins)

    def draws(
        self, key: str, sites: Mapping[str, np.ndarray], log_likelihood: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Draws (draw,) of each quantity of a data set, from draws of its sites (draw, *site shape), as engines see it.

        log_likelihood: (draw,); None where it is not known. Estimands that raise give NaN, as in an engine's outcomes.
        """
        program = self.plan.program_of[key]
        asked = _estimands(self.plan, program, key, sites)
        return values_of(self.quantities, asked, sites, log_likelihood)


def simulated_plan(
    plan: Plan, *, simulations: int, universes: int | None = None, seed: int = 0, progress: Progress = bar
) -> SimulatedPlan:
    """Data sets simulated from the universes of a plan, spread over them evenly: the reference universe first.

    simulations: data sets in all. universes: how many universes at most, a random sample with the reference universe;
    None for all, or as many as there are simulations. Exact duplicates are simulated from once. seed: other truths.
    A data set hangs on its universe, its number there and the seed alone: asked for more, those that were there stay.
    Raises PlanError where no universe can be simulated from, or a number is too small.
    """
    _check(simulations, universes)
    program_of = plan.program_of
    why = {program.id: why_not_simulated(program) for program in plan.programs}
    able = [key for key in plan.universes if key in program_of and key not in plan.twins]
    chosen = _chosen(plan, [key for key in able if not why[program_of[key].id]], simulations, universes, seed)
    declined = Counter(why[program_of[key].id] for key in able if why[program_of[key].id])
    if failed := len(plan.failures):
        declined["they cannot be answered with the data at hand"] += failed
    if not chosen:
        raise PlanError(_nothing(declined))
    each = {key: simulations // len(chosen) + (at < simulations % len(chosen)) for at, key in enumerate(chosen)}
    programs = list({program_of[key].id: program_of[key] for key in chosen}.values())
    quantities = _quantities(plan, programs)
    made = _Made({}, {}, {}, {}, [])
    with progress("simulating data sets", len(chosen), "universes") as advance:
        for program in programs:
            made.programs.append(_simulated(plan, program, each, quantities, seed, made, advance))
    if plan.reference not in each:  # a plan holds the reference universe; this one cannot be answered here either
        made.universes[plan.reference] = plan.universes[plan.reference]
    simulated = replace(
        plan,
        identity=replace(plan.identity, data=fingerprint(("simulated", plan.identity.data, int(seed)))),
        universes=made.universes,
        programs=tuple(made.programs),
        wanted=replace(plan.wanted, keep=frozenset().union(*(sites_of(quantities, p) for p in programs))),
        todo=frozenset(made.origins),
        failures={},
        notes=(),
        forecast=None,
        twins={},
        selection=None,
        routes={},
        gradients={},
        sizes={},
    )
    return SimulatedPlan(simulated, made.origins, made.truths, made.priors, quantities, dict(declined), plan)


class _Made(NamedTuple):
    """What was simulated so far; filled up program by program."""

    universes: dict[str, Any]
    origins: dict[str, Origin]
    truths: dict[str, Mapping[str, float]]
    priors: dict[str, Mapping[str, Prior]]
    programs: list[Program]


def _check(simulations: int, universes: int | None) -> None:
    problems = []
    if simulations < 1:
        problems.append(Problem(f"simulations={simulations!r}.", "at least 1 data set", "simulations=300"))
    if universes is not None and universes < 1:
        problems.append(Problem(f"universes={universes!r}.", "at least 1, or None for all", "universes=20"))
    if problems:
        raise PlanError(problems)


def _quantities(plan: Plan, programs: Sequence[Program]) -> tuple[Quantity, ...]:
    """What is compared; not the likelihood where nobody knows it."""
    found = quantities_of(plan, programs)
    known = any(program.kind == "model" for program in programs)
    return tuple(quantity for quantity in found if known or quantity.kind != "density")


def _nothing(declined: Mapping[str, int]) -> Problem:
    why = "; ".join(declined) or "the plan has none"
    return Problem(
        f"no universe of this study can be simulated from: {why}.",
        "a NumPyro model whose priors and likelihood are distributions, with observed sites; or a prior and `simulate`",
        "check what was run instead: `multiverse verify STORE`, or write the likelihood as `numpyro.sample(..., obs=)`",
    )


def _chosen(plan: Plan, able: Sequence[str], simulations: int, universes: int | None, seed: int) -> list[str]:
    """Which universes are simulated from, in the order in which they get one data set more."""
    shuffled = sorted(able, key=lambda key: (key != plan.reference, rng_words(seed, key, TRUTH)))
    most = len(shuffled) if universes is None else universes
    return shuffled[: min(most, simulations)]


def _key(universe: str, number: int, seed: int) -> str:
    """The key of a data set, 32 hex characters."""
    return fingerprint(("multiverse simulation", universe, number, int(seed)))


def _words(universe: str, count: int, seed: int) -> list[tuple[int, int]]:
    """Random words of simulations that nothing but the prior of a universe is told by."""
    source = np.random.default_rng(rng_words(seed, universe, TRUTH))
    return [(int(a), int(b)) for a, b in source.integers(2**32, size=(max(count, 0), 2))]


def _simulated(
    plan: Plan,
    program: Program,
    each: Mapping[str, int],
    quantities: Sequence[Quantity],
    seed: int,
    made: _Made,
    advance: Any,
) -> Program:
    """The program of the data sets simulated from one program's universes; what belongs to them goes into `made`."""
    import jax

    keys = [key for key in each if key in program.members]
    program_opened = opened(program.only(keys[:1]))
    members: dict[str, Member] = {}
    datasets: dict[int, dict[str, np.ndarray]] = {}
    original = {}
    with jax.enable_x64(True):
        run = _compiled(plan, program, program_opened, quantities, keys[0])
        grown = row_axes(program, keys[0])
        for universe in keys:
            member, leaves = program.members[universe], program.leaves(universe)
            names = [_key(universe, i, seed) for i in range(each[universe])]
            words = [rng_words(seed, name, TRUTH) for name in names]
            sites, likelihood, observed = _run(run, leaves, [*words, *_words(universe, PRIOR_DRAWS - len(names), seed)])
            rows = member.rows_kept
            own = {name: without_padding(of, grown.get(name, ()), rows, before=1) for name, of in sites.items()}
            asked = _estimands(plan, program, universe, own)
            truths = values_of(quantities, asked, own, likelihood)
            made.priors[universe] = {name: _spread(values) for name, values in truths.items()}
            for i, key in enumerate(names):
                number = len(datasets)
                values = {f"{OBSERVED}{name}": _leaf(of[i]) for name, of in observed.items()}
                datasets[number] = {**program.datasets[member.prepared], **values}
                original[number] = program.original[member.prepared]
                members[key] = Member(key, member.universe, number, member.rows_kept)
                made.universes[key] = member.universe
                made.origins[key] = Origin(universe, i)
                made.truths[key] = {name: float(of[i]) for name, of in truths.items()}
            advance()
    return replace(program_opened, members=members, datasets=datasets, original=original)


def _compiled(plan: Plan, program: Program, other: Program, quantities: Sequence[Quantity], key: str) -> Any:
    """`(leaves, words (LANES, 2)) -> (sites, log likelihood, observed)` of simulations of one universe."""
    import jax

    keep = {latent.name for latent in program.sites.latents}
    keep |= (plan.wanted.sites | sites_of(quantities, program)) & set(program.sites.deterministic)
    simulate = simulator(program.signature, program.sites)
    look = draw_of(other.signature, other.sites, sorted(keep))

    def one(leaves: Mapping[str, Any], words: Any) -> tuple[Any, Any, Any]:
        drawn = simulate(leaves, jax.random.wrap_key_data(words, impl="threefry2x32"))
        data = {f"{OBSERVED}{name}": value for name, value in drawn.observed.items()}
        values, _, log_likelihood = look({**leaves, **data}, drawn.z)
        return values, log_likelihood, drawn.observed

    words = np.zeros((LANES, 2), np.uint32)
    return compiled(jax.vmap(one, in_axes=(None, 0)), program.leaves(key), words, options=QUICK_COMPILE)


def _run(run: Any, leaves: Mapping[str, np.ndarray], words: Iterable[tuple[int, int]]) -> Any:
    """All simulations of a universe, by blocks; the last is filled up with copies."""
    import jax

    wanted = np.array(list(words), np.uint32)
    filled = np.concatenate([wanted, np.repeat(wanted[:1], -len(wanted) % LANES, axis=0)])
    parts = [jax.tree.map(np.asarray, run(dict(leaves), block)) for block in np.split(filled, len(filled) // LANES)]
    return jax.tree.map(lambda *some: np.concatenate(some)[: len(wanted)], *parts)


def _estimands(plan: Plan, program: Program, key: str, sites: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Estimands of draws of sites, (draw,); NaN where one raises."""
    data, options = program.data(key), program.option_values(key)
    count = len(next(iter(sites.values())))
    found: dict[str, np.ndarray] = {}
    for estimand in plan.wanted.estimands:
        try:
            found[estimand.name] = estimand(sites, data, options)
        except Exception:  # the plan has told of it, and outcomes of engines are red for it
            found[estimand.name] = np.full(count, np.nan)
    return found


def _spread(values: np.ndarray) -> Prior:
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return Prior(np.nan, np.nan)
    return Prior(float(finite.mean()), float(finite.std(ddof=1)))


def _leaf(value: np.ndarray) -> np.ndarray:
    """A simulated value as a leaf: floats in float64, integers in 32 bits."""
    kind = {"f": np.float64, "i": np.int32, "u": np.int32}.get(value.dtype.kind, value.dtype)
    return np.ascontiguousarray(value, kind).reshape(value.shape)
