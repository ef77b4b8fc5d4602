"""Auto: the cheap engine first, audits before what they vouch for, escalation with reasons, and the same end twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from multiverse.engines.auto.audit import Audit
from multiverse.engines.auto.engine import Auto
from multiverse.engines.engine import Batch, Engine
from multiverse.engines.outcome import Outcome, Reason
from multiverse.executors.executor import Executor, Work
from multiverse.planning.build import plan as make_plan
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run
from multiverse.testing import EngineSuite
from multiverse.testing_engines import Answers, answer

ALL, NONE = Audit(share=1.0), Audit(share=0.0)


@pytest.fixture(scope="module")
def auto(exact_engines: ModuleType) -> Any:
    """`auto(audit=..., nuts={...}, laplace={...})`: with engines that answer as they are told to."""

    def make(*, audit: Audit = NONE, nuts: Any = (), laplace: Any = (), nested: Any = None, seed: int = 0) -> Auto:
        cheap = {"name": "laplace", "costs": (0.1, 0.0, 0.01)}
        other = None if nested is None else exact_engines.Scripted(**{**cheap, "name": "nested", **nested})
        return Auto(
            laplace=exact_engines.Scripted(**{**cheap, **dict(laplace)}),
            nested=other,
            reweight=None,
            warm_nuts=None,
            nuts=exact_engines.Scripted(**{"name": "nuts", "costs": (10.0, 0.0, 10.0), **dict(nuts)}),
            audit=audit,
            seed=seed,
        )

    return make


@pytest.fixture(scope="module")
def fifty(normal_mean: ModuleType) -> Plan:
    """50 universes of one program."""
    return make_plan(normal_mean.study())


def by(answers: Answers) -> dict[str, list[Outcome]]:
    """The attempts at each universe, in order."""
    found: dict[str, list[Outcome]] = {}
    for _, outcomes in answers:
        for outcome in outcomes:
            found.setdefault(outcome.key, []).append(outcome)
    return found


def engines_of(attempts: Iterable[Outcome]) -> list[tuple[str, int, bool]]:
    return [(outcome.engine, outcome.attempt, outcome.final) for outcome in attempts]


class TestAutoWithAudits(EngineSuite):
    @pytest.fixture
    def engine(self, auto: Any) -> Engine[Any]:
        engine: Engine[Any] = auto(audit=Audit(share=0.3))
        return engine

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


class TestAutoThatEscalates(EngineSuite):
    @pytest.fixture
    def engine(self, auto: Any, twelve: Plan) -> Engine[Any]:
        keys = sorted(twelve.keys)
        engine: Engine[Any] = auto(
            audit=Audit(share=0.3),
            laplace={"red": tuple(keys[::2])},
            nested={"red": tuple(keys[::4]), "costs": (0.2, 0.0, 0.02)},
            nuts={"red": tuple(keys[::8])},
        )
        return engine

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


def test_what_is_green_is_answered_by_the_cheap_engine(auto: Any, twelve: Plan) -> None:
    for attempts in by(answer(auto(), twelve)).values():
        assert engines_of(attempts) == [("laplace", 1, True)]
        assert attempts[0].escalated == ""


def test_what_is_red_climbs_the_ladder_anew_and_says_why(auto: Any, twelve: Plan) -> None:
    """NUTS has two settings here, so its climbs begin at odd numbers."""
    red, rung, hopeless = sorted(twelve.keys)[:3]
    engine = auto(
        laplace={
            "red": (
                red,
                rung,
                hopeless,
            )
        },
        nuts={"red": (hopeless,)},
    )
    slower = replace(
        engine,
        nuts=replace(
            engine.nuts,
            red=(
                rung,
                hopeless,
            ),
        ),
    )
    found = by(answer(slower, twelve))
    assert engines_of(found[red]) == [("laplace", 1, False), ("nuts", 3, True)]
    assert found[red][1].escalated == "laplace: R-hat of 'mu' is 2"
    assert engines_of(found[hopeless]) == [("laplace", 1, False), ("nuts", 3, False), ("nuts", 4, True)]
    assert [o.escalated for o in found[hopeless]] == ["", *["laplace: R-hat of 'mu' is 2"] * 2]
    assert found[hopeless][-1].reason is Reason.rhat


def test_one_engine_after_the_other(auto: Any, twelve: Plan) -> None:
    key, other = sorted(twelve.keys)[:2]
    engine = auto(
        laplace={
            "red": (
                key,
                other,
            )
        },
        nested={"red": (key,), "costs": (0.2, 0.0, 0.02)},
    )
    found = by(answer(engine, twelve))
    assert engines_of(found[other]) == [("laplace", 1, False), ("nested", 2, True)]
    assert engines_of(found[key]) == [("laplace", 1, False), ("nested", 2, False), ("nuts", 3, True)]
    assert found[key][-1].escalated == "laplace: R-hat of 'mu' is 2; nested: R-hat of 'mu' is 2"


def test_an_engine_that_raises_is_not_the_last_word(auto: Any, twelve: Plan, normal_mean: ModuleType) -> None:
    """The sweep tries the universes of a batch that raised one by one."""
    results = run(twelve, engine=auto(laplace={"fails": True}), progress=no_progress)
    rows = results.sql("select engine, ok, escalated from universes")
    assert set(rows["engine"]) == {"nuts"} and rows["ok"].all()
    said = {"laplace: ArithmeticError: singular", "laplace: none of the first 8 universes of its program passed"}
    assert set(rows["escalated"]) == said


# Pilots.


def test_a_program_whose_first_universes_are_all_red_goes_to_the_next_engine(auto: Any, fifty: Plan) -> None:
    found = by(answer(auto(laplace={"red": fifty.keys}), fifty))
    tried = {key for key, attempts in found.items() if attempts[0].engine == "laplace"}
    assert tried == set(sorted(fifty.keys)[:8])
    others = [attempts for key, attempts in found.items() if key not in tried]
    assert {attempts[0].escalated for attempts in others} == {
        "laplace: none of the first 8 universes of its program passed"
    }
    assert all(engines_of(attempts) == [("nuts", 1, True)] for attempts in others)


def test_one_green_universe_is_enough_to_go_on(auto: Any, fifty: Plan) -> None:
    keys = sorted(fifty.keys)
    found = by(answer(auto(laplace={"red": tuple(keys[:7])}), fifty))
    assert all(attempts[0].engine == "laplace" for attempts in found.values())


# Audits.


def test_an_audited_universe_is_answered_by_nuts(auto: Any, fifty: Plan) -> None:
    audit = Audit(share=0.1)
    found = by(answer(auto(audit=audit), fifty))
    picked = {key for key in fifty.keys if audit.picks(key, 0)}
    assert 0 < len(picked) < 15
    for key, attempts in found.items():
        if key not in picked:
            assert engines_of(attempts) == [("laplace", 1, True)]
            continue
        assert engines_of(attempts) == [("laplace", 1, False), ("nuts", 3, True)]
        assert attempts[1].diagnostics["audit_z"] == 0.0
        assert attempts[1].escalated.startswith("laplace: audited, ")


@pytest.mark.parametrize("share", [0.1, 1e-9])
def test_one_disagreement_sends_the_rest_of_the_program_on(auto: Any, fifty: Plan, share: float) -> None:
    """One is audited also where the share takes none; nothing was final before."""
    found = by(answer(auto(audit=Audit(share=share), laplace={"off": 2.0}), fifty))
    audited = [attempts for attempts in found.values() if len(attempts) == 2]
    assert len(audited) == (1 if share < 0.1 else len(audited)) > 0
    assert all(attempts[1].diagnostics["audit_z"] > 5 for attempts in audited)
    others = [attempts for attempts in found.values() if len(attempts) == 1]
    assert all(engines_of(attempts) == [("nuts", 1, True)] for attempts in others)
    (said,) = {attempts[0].escalated for attempts in others}
    assert said.startswith("laplace: an audit found it ") and said.endswith(" Monte Carlo standard errors off")


def test_an_audit_that_is_red_itself_is_one_too(auto: Any, fifty: Plan) -> None:
    found = by(answer(auto(audit=Audit(share=0.1), nuts={"red": fifty.keys}), fifty))
    audited = [attempts for attempts in found.values() if len(attempts) == 3]
    assert {attempts[-1].reason for attempts in audited} == {Reason.rhat}
    assert all("laplace" not in [o.engine for o in attempts] for attempts in found.values() if attempts not in audited)


def test_all_can_be_audited(auto: Any, twelve: Plan) -> None:
    found = by(answer(replace(auto(audit=ALL), by_price=False), twelve))
    assert all(engines_of(attempts) == [("laplace", 1, False), ("nuts", 3, True)] for attempts in found.values())


def test_where_the_first_ones_are_red_others_are_audited(auto: Any, fifty: Plan) -> None:
    """No universe is answered for good by the cheap engine before one was audited."""
    few = Audit(share=1e-9)
    (first,) = few.firsts_of(fifty.keys, 0)
    engine = auto(audit=few, laplace={"red": (first,)})
    answers = answer(engine, fifty)
    seen = [(o.engine, "audit_z" in o.diagnostics) for _, outcomes in answers for o in outcomes if o.final]
    audited = [key for key, attempts in by(answers).items() if attempts[-1].diagnostics.get("audit_z") is not None]
    assert len(audited) == 1 and audited != [first]
    assert seen.index(("nuts", True)) < seen.index(("laplace", False))


def test_what_is_audited_hangs_on_the_seed(auto: Any, fifty: Plan) -> None:
    def audited(seed: int) -> set[str]:
        found = by(answer(auto(audit=Audit(share=0.2), seed=seed), fifty))
        return {key for key, attempts in found.items() if len(attempts) > 1}

    assert audited(1) != audited(2)


# In the store.


@dataclass(frozen=True)
class Stops(Executor):
    """An executor that stops after so many batches of the whole run; each round backwards."""

    left: list[int]

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for batch in reversed(batches):
            if self.left[0] == 0:
                raise RuntimeError("the machine stopped")
            self.left[0] -= 1
            yield batch, work(batch)


@pytest.fixture(scope="module")
def hard(auto: Any, fifty: Plan) -> Auto:
    """Some are red under each engine."""
    keys = sorted(fifty.keys)
    made: Auto = auto(
        audit=Audit(share=0.1),
        laplace={"red": tuple(keys[::3])},
        nested={"red": tuple(keys[::6]), "costs": (0.2, 0.0, 0.02)},
        nuts={"red": tuple(keys[::12])},
    )
    return made


def test_a_run_that_is_stopped_at_any_batch_ends_as_one_that_was_not(hard: Auto, fifty: Plan) -> None:
    whole = MemoryStore()
    run(fifty, store=whole, engine=hard, progress=no_progress)
    batches = len(whole.names("part"))
    assert batches > 15
    for stopped in range(2, batches, 8):
        store = MemoryStore()
        with pytest.raises(RuntimeError, match="stopped"):
            run(fifty, store=store, engine=hard, executor=Stops([stopped]), progress=no_progress)
        run(fifty, store=store, engine=hard, progress=no_progress)
        assert end_state(store).equals(end_state(whole)), stopped


def test_a_run_that_is_stopped_at_every_batch_ends_as_one_that_was_not(auto: Any, twelve: Plan) -> None:
    whole, store = MemoryStore(), MemoryStore()
    engine = auto(audit=Audit(share=0.2), laplace={"red": sorted(twelve.keys)[::3]})
    run(twelve, store=whole, engine=engine, progress=no_progress)
    for _ in range(100):
        try:
            run(twelve, store=store, engine=engine, executor=Stops([1]), progress=no_progress)
            break
        except RuntimeError:
            continue
    assert end_state(store).equals(end_state(whole))


def test_what_is_added_later_profits_from_the_audits_of_before(auto: Any, normal_mean: ModuleType, fifty: Plan) -> None:
    store, engine = MemoryStore(), auto(audit=Audit(share=0.2), laplace={"off": 2.0})
    some = make_plan(normal_mean.study(normal_mean.space(3, 2, 3)))
    run(some, store=store, engine=engine, progress=no_progress)
    results = run(fifty, store=store, engine=engine, progress=no_progress)
    rows = results.sql("select engine, attempt from universes")
    assert set(rows["engine"]) == {"nuts"} and len(rows) == 50
    tried = {key for part in store.names("part") for key in _keys(store, part, "laplace")}
    assert tried == {key for key in some.keys if engine.audit.picks(key, 0)}


def _keys(store: MemoryStore, part: str, engine: str) -> list[str]:
    rows = store.get("part", part, ["key", "engine"]).to_pylist()
    return [row["key"] for row in rows if row["engine"] == engine]


def test_what_is_red_can_be_put_back(auto: Any, twelve: Plan) -> None:
    """It begins its route anew, with other numbers; what is green stays."""
    keys = sorted(twelve.keys)
    store, engine = MemoryStore(), auto(laplace={"red": tuple(keys[:2])}, nuts={"red": tuple(keys[:1])})
    run(twelve, store=store, engine=engine, progress=no_progress)
    run(twelve, store=store, engine=engine, progress=no_progress, retry="failures")
    rows = Results(store, "main").sql("select key, engine, attempt from universes").set_index("key")
    assert tuple(rows.loc[keys[0]]) == ("nuts", 8)  # 1 laplace, 3 and 4 nuts, 5 laplace, 7 and 8 nuts
    assert tuple(rows.loc[keys[1]]) == ("nuts", 3)
    assert set(rows.drop(keys[:2])["attempt"]) == {1}


def test_one_store_holds_a_run_of_auto_and_one_of_an_engine_that_it_asks(auto: Any, twelve: Plan) -> None:
    """Their batches are not confused, though settings and universes are the same."""
    store, engine = MemoryStore(), auto()
    run(twelve, store=store, engine=engine.laplace, run="laplace", progress=no_progress)
    results = run(twelve, store=store, engine=engine, progress=no_progress)
    assert results.status()["answered"] == 12


def test_the_seed_is_that_of_all_engines(auto: Any) -> None:
    engine = auto(seed=3)
    assert {one.seed for one in engine.engines} == {3}
    assert {one.seed for one in replace(engine, seed=5).engines} == {5}


def test_exact_duplicates_share_what_auto_finds(auto: Any, clipped_mean: ModuleType) -> None:
    """Of those one is tried, escalated and audited; a stopped run ends as one that was not."""
    planned = clipped_mean.planned()
    red = sorted(planned.to_run)[:2]
    engine = replace(auto(audit=Audit(share=0.5), laplace={"red": red}, nuts={"red": red[:1]}), by_price=False)
    whole = MemoryStore()
    results = run(planned, store=whole, engine=engine, progress=no_progress)
    rows = results.sql("select * from universes").set_index("key")
    assert len(rows) == 12 and rows["same_as"].notna().sum() == 12 - len(planned.to_run)
    for key, ran in rows["same_as"].dropna().items():
        assert rows.loc[key, "engine"] == rows.loc[ran, "engine"]
        assert rows.loc[key, "attempt"] == rows.loc[ran, "attempt"]
    for stopped in range(1, 4):
        store = MemoryStore()
        with pytest.raises(RuntimeError, match="stopped"):
            run(planned, store=store, engine=engine, executor=Stops([stopped]), progress=no_progress)
        run(planned, store=store, engine=engine, progress=no_progress)
        assert end_state(store).equals(end_state(whole))
