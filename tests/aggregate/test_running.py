"""The running summary, against populations that are known whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.aggregate.running import COMPLETE, SAMPLING, WORST, Running, running
from multiverse.aggregate.running_sample import MISSING


def table(
    program: Sequence[int] | np.ndarray,
    median: Sequence[float] | np.ndarray,
    batch: Sequence[int] | np.ndarray,
    *,
    red: Sequence[int] = (),
    reference: int | None = None,
    weight: float | np.ndarray = 1.0,
) -> pd.DataFrame:
    """All planned universes; of those without a batch nothing is told."""
    n, answered = len(program), np.asarray(batch) != MISSING
    told = np.where(answered, np.asarray(median, dtype=float), np.nan)
    ok = answered & ~np.isin(np.arange(n), red)
    columns = {"stratum": program, "batch": batch, "weight": np.broadcast_to(weight, n), "ok": ok}
    columns |= {
        "source": np.arange(n),
        "reference": np.arange(n) == reference,
        "interval": "credible",
        "mcse_mean": 0.0,
    }
    return pd.DataFrame({**columns, "median": told, "q2_5": told, "q97_5": told})


def engine_order(rng: np.random.Generator, program: np.ndarray, size: int) -> list[np.ndarray]:
    """Batches as an engine that asks once hands them out (`engines.one_shot.batches`), keys being random."""
    named = rng.permutation(program.max() + 1)
    placed = []
    for one in np.unique(program):
        keys = rng.permutation(np.flatnonzero(program == one))
        parts = [keys[i : i + size] for i in range(0, len(keys), size)]
        placed += [((i + 0.5) / len(parts), named[one], part) for i, part in enumerate(parts)]
    return [part for *_, part in sorted(placed, key=lambda p: p[:2])]


def covered(
    sizes: list[int], effect: float, size: int, share_done: float, times: int, seed: int
) -> tuple[float, float]:
    """How often the intervals hold the truth: of the share, of the median. One population, many orders of it."""
    rng = np.random.default_rng(seed)
    program = np.repeat(np.arange(len(sizes)), sizes)
    median = effect + rng.normal(0, 0.7, len(sizes))[program] + rng.normal(0, 1, len(program))
    green = rng.uniform(size=len(program)) > 0.1
    share, middle = (median[green] > 0).mean(), np.median(median[green])
    hits = []
    for _ in range(times):
        batch = np.full(len(program), MISSING)
        order = engine_order(rng, program, size)
        for i in range(max(1, int(share_done * len(order)))):
            batch[order[i]] = i
        told = running("effect", table(program, median, batch, red=np.flatnonzero(~green)), one_shot=True)
        assert told.interval == SAMPLING
        rounding = 1e-12
        hits.append(
            (
                told.share.low - rounding <= share <= told.share.high + rounding,
                told.median.low <= middle <= told.median.high,
            )
        )
    return tuple(np.mean(hits, axis=0))


POPULATIONS = [
    pytest.param([300], 0.3, 16, 0.4, id="one program"),
    pytest.param([160, 100, 40], 3.0, 16, 0.5, id="nearly all agree"),
    pytest.param([8] * 40, 0.5, 16, 0.5, id="programs of one batch"),
    pytest.param([30] * 12, 1.0, 16, 0.4, id="one cluster a stratum"),
    pytest.param([10] * 12 + [200], 0.5, 16, 0.6, id="large and small programs"),
]


@pytest.mark.parametrize(("sizes", "effect", "size", "done"), POPULATIONS)
def test_intervals_hold_the_truth_as_often_as_they_say(sizes, effect, size, done) -> None:
    times = 60
    error = np.sqrt(0.95 * 0.05 / times)
    for rate in covered(sizes, effect, size, done, times, seed=1):
        assert rate >= 0.95 - 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("done", [0.15, 0.5, 0.9])
@pytest.mark.parametrize(("sizes", "effect", "size", "_"), POPULATIONS)
def test_intervals_hold_the_truth_of_larger_populations(sizes, effect, size, _, done) -> None:
    times, several = 400, [covered([3 * n for n in sizes], effect, size, done, 200, seed) for seed in (2, 3)]
    error = np.sqrt(0.95 * 0.05 / times)
    for rate in np.mean(several, axis=0):
        assert rate >= 0.95 - 3 * error


universes = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-3, 3), min_size=n, max_size=n),  # medians, with ties and zeros
        st.lists(st.booleans(), min_size=n, max_size=n),  # green?
        st.lists(st.integers(0, 2), min_size=n, max_size=n),  # program
        st.lists(st.integers(MISSING, 3), min_size=n, max_size=n),  # batch
        st.lists(st.sampled_from([1.0, 0.5]), min_size=n, max_size=n),
    )
)


@given(universes)
@settings(max_examples=60, deadline=None)
def test_the_worst_case_always_holds_the_truth(drawn) -> None:
    median, green, program, batch, weight = map(np.array, drawn)
    partial = running(
        "effect", table(program, median, batch, red=np.flatnonzero(~green), weight=weight), one_shot=False
    )
    whole = running(
        "effect",
        table(program, median, np.zeros_like(batch), red=np.flatnonzero(~green), weight=weight),
        one_shot=False,
    )
    assert whole.interval == COMPLETE
    assert partial.interval == (WORST if (batch == MISSING).any() else COMPLETE)
    if green.any():
        assert partial.share.low - 1e-9 <= whole.share.value <= partial.share.high + 1e-9
        assert partial.median.low <= whole.median.value <= partial.median.high
        truth = np.median(median[green]) if np.ptp(weight[green]) == 0 else whole.median.value
        assert whole.median.value == pytest.approx(truth)
        assert whole.share.value == pytest.approx(np.average(median[green] > 0, weights=weight[green]))


@given(universes)
@settings(max_examples=40, deadline=None)
def test_a_sampling_interval_is_within_the_worst_case(drawn) -> None:
    median, green, program, batch, weight = map(np.array, drawn)
    rows = table(program, median, batch, red=np.flatnonzero(~green), weight=weight)
    sampled, worst = (running("effect", rows, one_shot=one_shot) for one_shot in (True, False))
    for mine, bounds in ((sampled.share, worst.share), (sampled.median, worst.median)):
        assert bounds.low <= mine.low <= mine.high <= bounds.high


def half() -> pd.DataFrame:
    """Eight of sixteen universes, all above zero, in four batches; the first is the reference."""
    batch = np.repeat([0, 1, 2, 3, MISSING], [2, 2, 2, 2, 8])
    return table(np.zeros(16, int), np.linspace(1, 2, 16), batch, reference=0)


def test_worst_case_by_hand() -> None:
    told = running("effect", half(), one_shot=False)
    assert (told.share.value, told.share.low, told.share.high) == (1.0, 0.5, 1.0)
    assert (told.median.low, told.median.high) == (-np.inf, np.inf)  # as many are missing as are there
    assert told.median.value == pytest.approx(np.median(np.linspace(1, 2, 16)[:8]))
    batch = np.repeat([0, MISSING], [12, 4])
    most = running("effect", table(np.zeros(16, int), np.arange(16.0), batch), one_shot=False)
    assert (most.median.low, most.median.high) == (3.0, 8.0)  # below four at -inf, above them four at inf


def test_all_alike_is_not_sure_while_some_are_missing() -> None:
    told = running("effect", half(), one_shot=True)
    assert told.interval == SAMPLING and told.batches == 4
    assert told.share.low == 1 - 5 / 16 and told.share.high == 1  # five may differ unseen: 0.5^5 = 0.031


def test_the_claim_follows_the_reference() -> None:
    below = table(np.zeros(4, int), [-1.0, 1.0, 2.0, -3.0], [0, 0, 1, 1], reference=0)
    assert running("effect", below, one_shot=True).share.value == 0.5
    assert running("effect", below, one_shot=True).claim == "median of the reference universe's sign"
    unknown = table(np.zeros(4, int), [-1.0, 1.0, 2.0, -3.0], [MISSING, 0, 1, 1], reference=0)
    told = running("effect", unknown, one_shot=True)
    assert told.claim == "median above zero" and told.share.value == pytest.approx(2 / 3)
    assert any("reference universe has no numbers yet" in note for note in told.notes)


def test_red_ones_are_left_out_and_stand_beside() -> None:
    told = running("effect", table(np.zeros(4, int), [1.0, 1.0, -1.0, -1.0], [0, 0, 1, 1], red=(3,)), one_shot=True)
    assert told.share.value == pytest.approx(2 / 3) and told.share.with_red == 0.5
    assert (told.median.value, told.median.with_red) == (1.0, 0.0)
    assert (told.counts.green, told.counts.red, told.answered) == (3, 1, 4)


def test_what_it_says() -> None:
    text = str(running("effect", half(), one_shot=True))
    assert "Running summary of 'effect': 8 of 16 universes answered: 8 green, 0 red left out" in text
    assert "95% interval, all answered" in text and "69% to 100%" in text
    assert "finished ones are clusters (4), their programs strata (1)" in text
    worst = str(running("effect", half(), one_shot=False))
    assert "bounds, all answered" in worst and "50% to 100%" in worst and "\u2212\u221e to \u221e" in worst
    assert "easy universes finish first" in worst
    early = half().assign(batch=[0, 0, *[MISSING] * 14], ok=[True] * 2 + [False] * 14)
    assert "too few batches are finished" in str(running("effect", early, one_shot=True))
    whole = half().assign(batch=0, ok=True, median=1.0)
    assert "interval" not in str(running("effect", whole, one_shot=True)).splitlines()[1]


@pytest.mark.parametrize("one_shot", [True, False])
def test_before_anything_is_answered(one_shot: bool) -> None:
    told = running("effect", table([0, 0, 1], [1, 2, 3], [MISSING] * 3), one_shot=one_shot)
    assert isinstance(told, Running) and told.answered == 0
    assert (told.share.low, told.share.high) == (0.0, 1.0)
    assert np.isnan(told.share.value) and told.median.width == np.inf
    assert "0 of 3 universes answered" in str(told)


def test_only_red_so_far() -> None:
    told = running("effect", table([0] * 4, [1.0] * 4, [0, 0, 1, MISSING], red=(0, 1, 2)), one_shot=True)
    assert told.interval == WORST and (told.share.low, told.share.high) == (0.0, 1.0)
