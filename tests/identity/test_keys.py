"""Keys: which changes make another universe, another run, another batch, and which do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.errors import FingerprintError
from multiverse.identity.fingerprint import fingerprint
from multiverse.identity.keys import StudyIdentity, batch_id, changed_settings, rng_words, run_id, universe_key

STUDY = StudyIdentity(prepare="p" * 32, model="m" * 32, data="d" * 32)
OPTIONS = {"prior": fingerprint(1.0), "family": fingerprint("student"), "tail": fingerprint(4.0)}
SETTINGS = {"chains": 4, "target_accept": 0.8, "ladder": {"longer": 2, "steps": (1, 2)}}
GATE = {"rhat": 1.01}

names = st.text(min_size=1, max_size=4)
settings = st.recursive(
    st.dictionaries(names, st.integers() | st.floats() | st.none() | st.text(max_size=3), max_size=3),
    lambda inner: st.dictionaries(names, inner, max_size=2),
    max_leaves=3,
)


def test_keys_stay_what_they_were():
    """Changing one of these loses all answers in all stores."""
    assert STUDY.id == "93473517cec2269b925f911172b819a0"
    assert universe_key(STUDY, OPTIONS) == "1910fdfbab71ac0df7707758325b858d"
    assert run_id("nuts", SETTINGS, 0, "float32", GATE) == "4567ecd38753ff1059ee454535ddcade"
    assert batch_id("nuts", SETTINGS, 0, ["a", "b"], ["c"]) == "da7d40be8347a9baafb567c92c2148f9"
    assert rng_words(0, "a" * 32, 0) == (178267192, 1571273784)


def test_a_changed_study_says_what_changed():
    other = StudyIdentity(prepare="q" * 32, model="m" * 32, data="e" * 32)
    assert STUDY.changes(other) == ["prepare", "data"]
    assert STUDY.changes(STUDY) == []
    assert STUDY.id != other.id
    swapped = StudyIdentity(prepare=STUDY.model, model=STUDY.prepare, data=STUDY.data)
    assert swapped.id != STUDY.id


@given(st.permutations(list(OPTIONS)))
def test_the_order_of_decisions_does_not_count(order):
    assert universe_key(STUDY, {name: OPTIONS[name] for name in order}) == universe_key(STUDY, OPTIONS)


def test_a_universe_is_its_study_and_the_options_that_apply():
    without_tail = {"prior": OPTIONS["prior"], "family": OPTIONS["family"]}
    assert universe_key(STUDY, without_tail) == universe_key(STUDY, without_tail | {"tail": None})
    others = [
        (STUDY, without_tail),
        (STUDY, OPTIONS | {"prior": fingerprint(2.0)}),
        (STUDY, {"slope" if name == "prior" else name: value for name, value in OPTIONS.items()}),
        (STUDY, OPTIONS | {"prior": OPTIONS["tail"], "tail": OPTIONS["prior"]}),
        (StudyIdentity("q" * 32, STUDY.model, STUDY.data), OPTIONS),
        (STUDY, {}),
    ]
    assert len({universe_key(study, options) for study, options in [(STUDY, OPTIONS), *others]}) == len(others) + 1


def test_each_part_of_a_run_counts():
    runs = [
        run_id("nuts", SETTINGS, 0, "float32", GATE),
        run_id("laplace", SETTINGS, 0, "float32", GATE),
        run_id("nuts", SETTINGS | {"chains": 2}, 0, "float32", GATE),
        run_id("nuts", SETTINGS, 1, "float32", GATE),
        run_id("nuts", SETTINGS, 0, "float64", GATE),
        run_id("nuts", SETTINGS, 0, "float32", {"rhat": 1.05}),
    ]
    assert len(set(runs)) == len(runs)
    assert run_id("nuts", dict(reversed(SETTINGS.items())), np.int64(0), "float32", GATE) == runs[0]
    with pytest.raises(FingerprintError, match="default_rng"):
        run_id("nuts", {"rng": np.random.default_rng(0)}, 0, "float32", GATE)


def test_settings_that_differ_are_named_with_both_values():
    new = {"chains": 4, "target_accept": 0.9, "ladder": {"longer": 3, "steps": (1, 2)}, "warmup": 500}
    assert changed_settings(SETTINGS | {"thin": 1}, new) == [
        "target_accept: was 0.8, is 0.9",
        "ladder.longer: was 2, is 3",
        "warmup: was not set, is 500",
        "thin: was 1, is not set",
    ]


@given(settings, settings)
def test_settings_are_told_apart_exactly_when_the_run_id_is(old, new):
    differ = run_id("nuts", old, 0, "float32", {}) != run_id("nuts", new, 0, "float32", {})
    assert bool(changed_settings(old, new)) == differ
    assert changed_settings(old, old) == []


@given(st.permutations(["a", "b", "c"]), st.permutations(["x", "y"]))
def test_a_batch_is_its_universes_in_any_order(keys, reads):
    assert batch_id("nuts", SETTINGS, 0, keys, reads) == batch_id("nuts", SETTINGS, 0, "abc", "xy")


def test_each_part_of_a_batch_counts():
    batches = [
        batch_id("nuts", SETTINGS, 0, "abc", "xy"),
        batch_id("laplace", SETTINGS, 0, "abc", "xy"),
        batch_id("nuts", {}, 0, "abc", "xy"),
        batch_id("nuts", SETTINGS, 1, "abc", "xy"),
        batch_id("nuts", SETTINGS, 0, "ab", "xy"),
        batch_id("nuts", SETTINGS, 0, "abc", "x"),
        batch_id("nuts", SETTINGS, 0, "abcx", "y"),
        batch_id("nuts", SETTINGS, 0, "abc"),
    ]
    assert len(set(batches)) == len(batches)


@given(st.integers(), st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.integers(0, 9))
def test_random_words_depend_on_seed_key_and_attempt_alone(seed, key, attempt):
    words = rng_words(seed, key, attempt)
    assert words == rng_words(seed, key, attempt)
    assert all(0 <= word < 2**32 for word in words)
    assert len({words, rng_words(seed + 1, key, attempt), rng_words(seed, key, attempt + 1)}) == 3


def test_random_words_are_spread_evenly():
    words = np.array([rng_words(0, f"{i:032x}", 0) for i in range(4000)])
    counts = np.histogram(words, bins=16, range=(0, 2**32))[0]
    expected = words.size / 16
    # A chi-squared of 15 degrees of freedom has mean 15 and sd 5.5: 50 is beyond 6 sd.
    assert ((counts - expected) ** 2 / expected).sum() < 50
