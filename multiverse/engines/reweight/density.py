"""Log prior and log likelihood of a universe at draws that are not its own, each computed as rarely as can be.

Draws come on the scale of the model (constrained): priors with other supports have other maps to the line. Which leaves
the log likelihood depends on is read off its trace, so universes that differ in their priors alone share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.chunk import chunk_size
from multiverse.engines.diagnostics import Floats
from multiverse.engines.programs import Programs
from multiverse.engines.reweight.held import Held
from multiverse.planning.density import prior_draw
from multiverse.planning.program import Program
from multiverse.planning.tracing import TRACING, compiled, here

HELD_BYTES: Final = 256 << 20  # of log densities in this process: 1,000 draws of 16 anchors for some 2,000 universes
POINTS_BYTES: Final = 64 << 20  # of draws from priors
FAR: Final = 20.0  # on the unconstrained scale: where a bounded site is at its bound, and a positive one 5e8


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of one anchor. id: tells them apart from all others, in any process. sites: latents, (draw, *shape)."""

    id: str
    sites: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.sites.values())))

    @property
    def nbytes(self) -> int:
        """How many bytes they hold."""
        return sum(values.nbytes for values in self.sites.values())


_PROGRAMS = Programs()
_HELD: Held[Floats] = Held(HELD_BYTES)
_POINTS: Held[Draws] = Held(POINTS_BYTES)


class Densities:
    """The densities of a program at so many draws, compiled; by universe. dtype: in which they are computed.

    Raises what the model raises when it is traced. Everything is (draw,) and float64, in nats.
    """

    def __init__(self, program: Program, draws: int, dtype: str, see: tuple[str, ...] = ()):
        self._program, self._count, self._dtype, self._see = program, draws, dtype, see
        self._compiled = _compile(program, draws, dtype, see)
        self._identities: dict[tuple[str, frozenset[str]], str] = {}

    def log_prior(self, key: str, at: Draws) -> Floats:
        """The log prior, on the scale of the model; -inf outside the support of the universe."""
        return self._held("prior", key, at, self._compiled.prior)

    def log_likelihood(self, key: str, at: Draws) -> Floats:
        """The log likelihood; anything outside the support."""
        return self._held("likelihood", key, at, self._compiled.likelihood)

    def log_joint(self, key: str, at: Draws) -> Floats:
        """Their sum; -inf outside the support."""
        prior = self.log_prior(key, at)
        with np.errstate(invalid="ignore"):
            joint: Floats = np.where(prior == -np.inf, -np.inf, prior + self.log_likelihood(key, at))
        return joint

    def deterministic(self, key: str, at: Draws) -> dict[str, np.ndarray]:
        """The deterministic sites asked for, (draw, *site shape)."""
        if not self._see:
            return {}
        seen = self._compiled.see.run(self._leaves(key, self._compiled.see), self._sites(at))
        return {name: np.asarray(values) for name, values in seen.items()}

    def points(self, key: str) -> Draws:
        """Draws from the prior of a universe, and then as many points at the ends of its support."""
        part = self._compiled.points
        name = f"points {self._identity(key, part)} {self._count} {self._dtype}"

        def make() -> Draws:
            drawn = part.run(self._leaves(key, part))
            return Draws(name, {site: np.asarray(values) for site, values in drawn.items()})

        return _POINTS.get(name, make)

    def prior_of(self, key: str) -> str:
        """Equal for universes with the same prior."""
        return self._identity(key, self._compiled.prior)

    def likelihood_of(self, key: str) -> str:
        """Equal for universes with the same likelihood."""
        return self._identity(key, self._compiled.likelihood)

    def know(self, key: str, at: Draws, log_prior: Floats, log_likelihood: Floats) -> None:
        """What was computed before, by this very program."""
        for kind, values in (("prior", log_prior), ("likelihood", log_likelihood)):
            part = getattr(self._compiled, kind)
            _HELD.put((kind, self._identity(key, part), at.id, self._dtype), values.astype(np.float64))

    def _held(self, kind: str, key: str, at: Draws, part: _Part) -> Floats:
        def make() -> Floats:
            return np.asarray(part.run(self._leaves(key, part), self._sites(at)), np.float64)

        return _HELD.get((kind, self._identity(key, part), at.id, self._dtype), make)

    def _sites(self, at: Draws) -> dict[str, np.ndarray]:
        return {name: values.astype(self._dtype) for name, values in at.sites.items()}

    def _leaves(self, key: str, part: _Part) -> dict[str, np.ndarray]:
        program = self._program
        member = program.members[key]
        at = dict(program.datasets[member.prepared])
        for name in program.signature.options:
            at |= program.choices[name, member.universe[name]]
        wanted = {path: at[path] for path in part.paths}
        return {path: a.astype(self._dtype) if a.dtype.kind == "f" else a for path, a in wanted.items()}

    def _identity(self, key: str, part: _Part) -> str:
        """The numbers that a part of the density depends on; data by their fingerprint."""
        if (key, part.paths) in self._identities:
            return self._identities[key, part.paths]
        program = self._program
        member = program.members[key]
        told = [program.id]
        if part.paths & program.datasets[member.prepared].keys():
            told.append(f"{program.original[member.prepared].identity} {member.rows_kept}")
        for name in program.signature.options:
            leaves = program.choices[name, member.universe[name]]
            told += [f"{path}={leaves[path].tobytes().hex()}" for path in sorted(leaves.keys() & part.paths)]
        self._identities[key, part.paths] = "|".join(told)
        return self._identities[key, part.paths]


class _Part(NamedTuple):
    """A compiled function of some leaves (and draws), and which leaves these are."""

    run: Any
    paths: frozenset[str]


class _Compiled(NamedTuple):
    prior: _Part
    likelihood: _Part
    points: _Part
    see: _Part


def _compile(program: Program, draws: int, dtype: str, see: tuple[str, ...]) -> _Compiled:
    """All parts of a program; compiled once in a process, on each device."""
    import jax

    device = here()
    key = program.id, draws, dtype, str(device)
    leaves = {path: leaf[0] for path, leaf in program.gather([next(iter(program.members))], dtype).items()}
    sites = {latent.name: np.zeros((draws, *latent.shape), dtype) for latent in program.sites.latents}
    one = _constrained(program)
    chunk = chunk_size(leaves, draws)

    def many(pick: Callable[[Any], Any]) -> Callable[..., Any]:
        return lambda at, x: jax.lax.map(lambda draw: pick(one(at, draw)), x, batch_size=chunk)

    def part(name: Any, function: Callable[..., Any], *arguments: Any) -> _Part:
        def make() -> _Part:
            paths = _needed(function, leaves, *arguments)
            rest = {path: leaf for path, leaf in leaves.items() if path not in paths}
            mine = {path: leaf for path, leaf in leaves.items() if path in paths}
            return _Part(compiled(lambda at, *x: function({**rest, **at}, *x), mine, *arguments), paths)

        made: _Part = _PROGRAMS.get((*key, name), make)
        return made

    nothing = _Part(None, frozenset())
    return _Compiled(
        part("prior", many(lambda found: found[0]), sites),
        part("likelihood", many(lambda found: found[1]), sites),
        part("points", _points(program, draws, dtype)),
        part(see, many(lambda found: {name: found[2][name] for name in see}), sites) if see else nothing,
    )


def _constrained(program: Program) -> Callable[..., tuple[Any, Any, dict[str, Any]]]:
    """`(leaves, one draw by site) -> (log prior, log likelihood, values of deterministic sites)`."""
    import jax.numpy as jnp
    from numpyro.infer.util import compute_log_probs

    latent = [site.name for site in program.sites.latents]

    def one(leaves: Mapping[str, Any], x: Mapping[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        log_probs, trace = compute_log_probs(program.signature, (leaves,), {}, dict(x))
        # NumPyro's densities do not look whether a value is in the support
        inside = jnp.array(True)
        for name in latent:
            inside &= jnp.all(trace[name]["fn"].support(trace[name]["value"]))
        prior = jnp.where(inside, sum(log_probs[name] for name in latent), -jnp.inf)
        likelihood = sum((value for name, value in log_probs.items() if name not in latent), start=jnp.zeros(()))
        seen = {name: site["value"] for name, site in trace.items() if site["type"] == "deterministic"}
        return prior, likelihood, seen

    return one


def _points(program: Program, draws: int, dtype: str) -> Callable[..., Any]:
    """`leaves -> by site (draws, *shape)`: half of them drawn from the prior, half at the ends of the support."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer.util import constrain_fn

    signature, sites = program.signature, program.sites
    half = draws // 2
    ends = np.random.default_rng(0).choice([-FAR, -1.0, 0.0, 1.0, FAR], (draws - half, sites.dimension))
    ends[0], ends[1] = -FAR, FAR

    def points(leaves: Mapping[str, Any]) -> Any:
        draw = prior_draw(signature, sites)
        drawn = jax.vmap(lambda key: draw(leaves, key))(jax.random.split(jax.random.key(0), half))
        z = jnp.concatenate([drawn, jnp.asarray(ends, dtype)])
        return jax.vmap(lambda z: constrain_fn(signature, (leaves,), {}, sites.unravel(z)))(z)

    return points


def _needed(function: Callable[..., Any], leaves: Mapping[str, Any], *arguments: Any) -> frozenset[str]:
    """The leaves that what a function gives depends on, by its trace."""
    import jax
    from jax.interpreters.partial_eval import dce_jaxpr

    with TRACING:
        closed = jax.make_jaxpr(function)(leaves, *arguments)
    _, used = dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    return frozenset(path for path, is_used in zip(sorted(leaves), used, strict=False) if is_used)
