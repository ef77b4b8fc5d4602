"""Answer eight schools, analysed 648 ways, by one network, and hold every answer against long chains of NUTS.

python measure.py [--universes 648] [--nuts runs/nuts]     prints the tables of the README, writes results.csv

1. Plain Laplace: how many universes it leaves red.
2. The network, with nothing compiled before: how many it answers green by itself, before anything is escalated; its
   importance ESS; wall and CPU seconds until training ended, compilation and checks on held-out simulations included,
   and until all were answered.
3. The same network, 8,000 draws: its means in posterior sds of NUTS, where the importance ESS is 2,000 and more.
4. NUTS, 4 chains of 2,500 draws, non-centered. How the model is written does not matter to a posterior, so each chain
   serves two universes; the folder `--nuts` keeps them, and a second run samples nothing again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

os.environ["MULTIVERSE_CACHE"] = tempfile.mkdtemp()  # nothing is compiled yet

import numpy as np
import pandas as pd
from errors import STATISTICS, Known, of_chains, of_weighted
from scipy import stats
from study import study
from weighed import own_answers, training, weighed

import multiverse as mv
from multiverse.progress import bar

HERE: Final = Path(__file__).parent
FAR: Final = 4.0  # combined Monte Carlo standard errors
MANY: Final = 2000  # importance ESS of an answer whose means are compared in posterior sds
NEAR: Final = 0.1  # posterior sds
NETWORK: Final = mv.Amortized()
MORE: Final = dataclasses.replace(NETWORK, draws=8000)
# The acceptance is high: with t effects of 3 degrees of freedom 0.8 leaves a few divergences in many universes.
NUTS: Final = mv.NUTS(draws=2500, warmup=1000, target_accept=0.95)
LABELS: Final = ("left_out", "center", "spread", "tails")
ESTIMANDS: Final = ("mu", "tau", "school A")


class Clock(NamedTuple):
    """Seconds since something began, of the wall and of the CPU."""

    wall: float
    cpu: float

    @staticmethod
    def now() -> Clock:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Clock(time.perf_counter(), used.ru_utime + used.ru_stime)

    def since(self, other: Clock) -> Clock:
        return Clock(self.wall - other.wall, self.cpu - other.cpu)

    def __str__(self) -> str:
        return f"{self.wall:.0f} s, {self.cpu:.0f} s of CPU"


class Laps:
    """A progress bar that notes when the training of a network was seen to end."""

    trained: Clock | None = None

    @contextmanager
    def __call__(self, title: str, total: int, unit: str) -> Iterator[Any]:
        with bar(title, total, unit) as advance:

            def tell(count: int = 1, *, more: int = 0, note: str = "") -> None:
                if self.trained is None and "training: " not in note:
                    self.trained = Clock.now()
                advance(count, more=more, note=note)

            yield tell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--universes", type=int, help="so many, drawn at random; by default all")
    parser.add_argument("--nuts", default=str(HERE / "runs" / "nuts"), help="where answers of NUTS are kept")
    given = parser.parse_args()
    design = mv.designs.full() if given.universes is None else mv.designs.random(given.universes)
    plan = mv.plan(study, design=design)

    laplace, took = timed(plan, mv.Laplace())
    row("plain Laplace", laplace.status()["green"], took)

    laps, store, began = Laps(), tempfile.mkdtemp(), Clock.now()
    results = mv.run(plan, engine=NETWORK, store=store, run="network", progress=laps)
    took, until_trained = Clock.now().since(began), (laps.trained or began).since(began)
    own, segments = own_answers(results), training(results)
    row("network alone", int(own["ok"].sum()), took)
    last = segments.iloc[-1]
    print(
        f"\nTraining: {until_trained} with all compilation, {segments['seconds'].sum():.0f} s of it "
        f"in {len(segments)} segments; {last['training_steps']:,.0f} steps, {last['training_simulations']:,.0f} "
        f"simulations; held out {last['held_out_green']:.1%} green, ESS {last['held_out_ess']:.1%}, calibration p "
        f"{last['calibration_p']:.3g}"
    )
    share = own["ess"] / NETWORK.draws
    print(f"Importance ESS, share of draws: median {share.median():.1%}, 5 % quantile {share.quantile(0.05):.1%}")
    row("network, then short chains", results.status()["green"], took)
    for red in own[~own["ok"]].groupby("reason").size().items():
        tell(f"red before escalation: {red[1]} for {red[0]}")

    many, took = timed(plan, MORE, store=store, run="more draws")
    row("network, 8,000 draws", int(own_answers(many)["ok"].sum()), took)

    truth, took = long_chains(plan, given.nuts)
    tell(f"NUTS: {len(truth)} posteriors are green, {took}")
    table = results.sql("select * from universes where run = 'network'").set_index("key")
    table = table.assign(khat=own["khat"], ess_share=share, network_ok=own["ok"])
    table["laplace_ok"] = laplace.sql("select key, ok from universes").set_index("key")["ok"]

    from_network = {
        key: {name: of_weighted(x, one.weights) for name, x in one.draws.items()}
        for key, one in weighed(plan, results, NETWORK, own).items()
    }
    check_the_same(results, from_network, own)
    escalated = table[table["ok"] & ~table["network_ok"]].index
    from_chains = {key: chains_of(results, key) for key in escalated}
    compared = compare(table, truth, from_network, "network")
    rest = compare(table, truth, from_chains, "short chains")
    report("network", compared)
    report("short chains", rest)
    shown(compared.assign(way="network"))

    more_own = own_answers(many)
    enough = more_own[more_own["ok"] & (more_own["ess"] >= MANY)]
    means = {
        key: {name: of_weighted(x, one.weights) for name, x in one.draws.items()}
        for key, one in weighed(plan, many, MORE, enough).items()
    }
    in_sds = compare(table, truth, means, "network")
    in_sds = in_sds[in_sds["statistic"] == "mean"]
    off = (in_sds["value"] - in_sds["nuts"]).abs() / in_sds["nuts_sd"]
    print(
        f"\nMeans of {len(enough)} universes with an importance ESS of {MANY:,} and more (of 8,000 draws): "
        f"{len(off):,} comparisons, largest distance {off.max():.3f} posterior sd, {(off > NEAR).sum()} beyond {NEAR}"
    )
    worst = pd.concat([compared, rest]).groupby("key")["z"].agg(lambda z: z.abs().max())
    columns = ["left_out", "center", "spread", "tails", "geometry", "laplace_ok", "network_ok", "khat", "ess_share"]
    out = table.reindex(columns=[*columns, "ok", "escalated"]).assign(largest_z=worst)
    out = out.assign(largest_in_sds=off.groupby(in_sds["key"]).max()).sort_values(columns[:5])
    out.to_csv(HERE / "results.csv", index=False, float_format="%.4g", lineterminator="\n")
    tell(f"{len(out)} universes in {HERE / 'results.csv'}")


def timed(plan: Any, engine: Any, **where: Any) -> tuple[mv.Results, Clock]:
    began = Clock.now()
    results = mv.run(plan, engine=engine, **where)
    return results, Clock.now().since(began)


def long_chains(plan: Any, store: str) -> tuple[dict[tuple[str, ...], dict[str, Known]], Clock]:
    """By labels, the posterior of each universe of the plan by NUTS; those that stay red are not there."""
    wanted = {tuple(u.active[name] for name in LABELS): dict(u.active) for u in plan.universes.values()}
    labels = [{**u, "geometry": "non-centered"} for u in wanted.values()]
    began = Clock.now()
    results = mv.run(mv.plan(study, design=mv.designs.listed(labels)), engine=NUTS, store=store, run="nuts")
    took = Clock.now().since(began)
    rows = results.sql("select * from universes where run = 'nuts' and ok and geometry = 'non-centered'")
    found = {}
    for one in rows.to_dict("records"):
        if (key := tuple(one[name] for name in LABELS)) in wanted:
            found[key] = chains_of(results, one["key"])
    return found, took


def chains_of(results: mv.Results, key: str) -> dict[str, Known]:
    drawn = results.draws(ESTIMANDS, keys=[key]).load()
    return {name: of_chains(drawn[name].values[0].astype(np.float64)) for name in ESTIMANDS}


def check_the_same(results: mv.Results, found: dict[str, dict[str, Known]], own: pd.DataFrame) -> None:
    """The draws that were made again are those that the run reported: its means are theirs."""
    table = results.sql("select key, estimand, mean, median from estimates where run = 'network'")
    for one in table[table["key"].isin(own[own["ok"]].index)].itertuples():
        known = found[one.key][one.estimand]
        np.testing.assert_allclose(known.value[[0, 3]], [one.mean, one.median], rtol=1e-9, atol=1e-9)


def compare(
    table: pd.DataFrame,
    truth: dict[tuple[str, ...], dict[str, Known]],
    found: dict[str, dict[str, Known]],
    way: str,
) -> pd.DataFrame:
    """A row for each universe, estimand and statistic that both know."""
    rows = []
    for key, known in found.items():
        labels = tuple(table.loc[key, list(LABELS)])
        if labels not in truth:
            continue
        for name, mine in known.items():
            theirs = truth[labels][name]
            for i, statistic in enumerate(STATISTICS):
                if statistic == "sd" and not fourth_moment(name, labels):
                    continue
                error = float(np.hypot(mine.error[i], theirs.error[i]))
                apart = (mine.value[i] - theirs.value[i]) / error
                rows.append((key, name, statistic, mine.value[i], theirs.value[i], theirs.value[-1], error, apart))
    columns = ["key", "estimand", "statistic", "value", "nuts", "nuts_sd", "error", "z"]
    return pd.DataFrame(rows, columns=columns).assign(way=way)


def fourth_moment(estimand: str, labels: tuple[str, ...]) -> bool:
    """mu and tau have the tails of their priors at most, a school with data those of its normal likelihood.

    The effect of a school that is left out has the tails of its t: with 3 degrees of freedom no fourth moment.
    """
    left_out, _, _, tails = labels
    return not (estimand == "school A" and left_out == "A" and tails == "very heavy")


def report(way: str, compared: pd.DataFrame) -> None:
    """How many comparisons there are, how many differ by more than 4 errors, how many would by chance."""
    if compared.empty:
        print(f"\n{way}: nothing to compare")
        return
    z = compared["z"].abs()
    chance = len(z) * 2 * stats.norm.sf(FAR)
    bound = stats.norm.isf(0.05 / 2 / len(z))
    print(
        f"\n{way}: {compared['key'].nunique()} universes, {len(z):,} comparisons, {(z > FAR).sum()} beyond {FAR:.0f} "
        f"combined errors ({chance:.2f} by chance), largest {z.max():.2f} (Bonferroni at 5 %: {bound:.2f}), "
        f"{(z > bound).sum()} beyond that, root mean square {np.sqrt(np.square(z).mean()):.2f}"
    )
    for one in compared.loc[z.sort_values(ascending=False).index[:5]].itertuples():
        apart = f"{one.z:+.2f} errors away, {one.value:.4g} and {one.nuts:.4g}"
        tell(f"  {way}: {one.statistic} of {one.estimand} is {apart}")


def shown(compared: pd.DataFrame) -> None:
    """By statistic and estimand: comparisons, those beyond 4 errors, the root mean square and the largest."""
    print("\n| statistic | comparisons | beyond 4 | root mean square | largest |\n| --- | --- | --- | --- | --- |")
    for statistic in STATISTICS:
        z = compared.loc[compared["statistic"] == statistic, "z"].abs()
        cells = [
            statistic,
            f"{len(z):,}",
            str((z > FAR).sum()),
            f"{np.sqrt(np.square(z).mean()):.2f}",
            f"{z.max():.2f}",
        ]
        print("| " + " | ".join(cells) + " |")


def row(name: str, green: int, took: Clock) -> None:
    print(f"| {name} | {green} green | {took} |", flush=True)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
