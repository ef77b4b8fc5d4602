"""`multiverse show`: one universe - its options with their reasons, what came out, how to run it alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multiverse.cli.store_argument import Place, json_option, run_option, store_argument, store_place, talk_to_stderr

if TYPE_CHECKING:
    from multiverse.loading import StudyFile
    from multiverse.planning.plan import Plan
    from multiverse.results import Results
    from multiverse.store.plan_table import PlannedUniverse, PlanRecord

_HELP = """Show the universe KEY of STORE: options with their reasons, outcome, estimates, diagnostics.

Also how many changes of option it is from the reference universe; of the reference universe itself, the fewest that
turn its conclusions.

KEY is the universe's key or the beginning of it, or `reference` (the default). With `--study`, or with a study file in
place of STORE, also its prepared data and the values of its options. At the end stands the Python that opens its draws,
and that runs it again alone.

\b
Example:
  multiverse show runs/radon reference
  multiverse show runs/radon 1f0c --study radon.py
  multiverse sql runs/radon "select key, reason from failures"     (lists keys)
"""


@click.command(help=_HELP, short_help="Show one universe: options, outcome, how to run it alone.")
@store_argument
@click.argument("key", default="reference")
@click.option("--study", "study_place", metavar="STUDY.py", help="Show its prepared data too.")
@click.option("--above", type=float, help="Of the reference universe: what turns where it lies against this value.")
@click.option("--below", type=float, help="The same for a value to be below of.")
@click.option("--rope", type=(float, float), metavar="LOW HIGH", help="The same for a region of equivalence.")
@run_option
@json_option
def show(
    store: str,
    key: str,
    study_place: str | None,
    above: float | None,
    below: float | None,
    rope: tuple[float, float] | None,
    run_name: str | None,
    as_json: bool,
) -> None:
    """Show one universe of a store, or of a study file."""
    from multiverse.cli.changes_card import changes_card, distance, flips_card
    from multiverse.cli.universe_card import find_universe, options_card, outcome_card
    from multiverse.loading import is_study_file, load_study

    with talk_to_stderr(as_json):
        place = study_place or (store if is_study_file(store) else None)
        file = load_study(place) if place else None
        where = file.store if file and not study_place else store_place(store)
        results = _results(where, run_name, may_lack=study_place is None and file is not None)
        plan = _planned(file, results)
    record = _record(results, plan)
    universe = find_universe(record, key)
    card: dict[str, Any] = {
        "key": universe.key,
        "study": record.header.study,
        "run": results.run if results else None,
        "reference": universe.reference,
        "rows_kept": universe.rows_kept,
        "options": options_card(record, universe),
        "outcome": outcome_card(results, universe.key) if results else None,
    }
    card["changes"] = changes_card(record, universe)
    card["distance"] = distance(record, card["changes"])
    asked = {"above": above, "below": below, "rope": rope}
    card["flips"] = flips_card(results, **asked) if results and universe.reference and card["outcome"] else []
    _add_data(card, universe, plan)
    from multiverse.cli.rerun_code import rerun_code

    card["python"] = rerun_code(results if card["outcome"] else None, where, universe.key, place)
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json(card)
        return
    from multiverse.cli.universe_text import tell_universe

    tell_universe(card)


def _results(place: Place, run: str | None, *, may_lack: bool) -> Results | None:
    """The results of a store; None where a study's own store need not be there yet."""
    from multiverse.results import load

    if may_lack and run is None and isinstance(place, Path) and not (place / "runs").is_dir():
        return None
    return load(place, run=run)


def _planned(file: StudyFile | None, results: Results | None) -> Plan | None:
    if file is None:
        return None
    from multiverse.planning.build import plan
    from multiverse.progress import bar
    from multiverse.rerun.recorded_design import recorded_design

    design = None if results is None else recorded_design(results.plan, file.study.space)
    return plan(file.study, design=design, progress=bar)


def _record(results: Results | None, plan: Plan | None) -> PlanRecord:
    if results is not None:
        return results.plan
    from multiverse.run_record import plan_record

    assert plan is not None, "a study file stands in for a store"
    return plan_record(plan)


def _add_data(card: dict[str, Any], universe: PlannedUniverse, plan: Plan | None) -> None:
    """What only the study file knows: the prepared data, and the values of the options."""
    if plan is None:
        return
    if universe.key not in plan.universes:
        card["remark"] = (
            "The study file was changed since: this universe is not in its plan any more, so its data are unknown."
        )
        return
    from multiverse.rerun.data_card import data_card, first_rows, value_text

    if (program := plan.program_of.get(universe.key)) is not None:  # none where the data could not be prepared
        cards = data_card(program.data(universe.key))
        card["data"] = [array._asdict() for array in cards]
        card["first_rows"] = first_rows(cards)
    values = plan.study.space.values(plan.universes[universe.key])
    for option in card["options"]:
        if option["label"] is not None:
            option["value"] = value_text(values[option["decision"]])
