"""One universe for a person to read."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from multiverse.aggregate.printing import count
from multiverse.aggregate.verified import unverified
from multiverse.cli.attempts_card import echo_attempts
from multiverse.cli.cells import said
from multiverse.cli.changes_card import changes_text, flips_text
from multiverse.cli.tables import echo_prose, echo_table

_ESTIMATES = ("estimand", "interval", "mean", "sd", "median", "q2_5", "q97_5", "p_positive", "mcse_mean", "ess", "rhat")


def tell_universe(card: Mapping[str, Any]) -> None:
    """Print the card of `multiverse show`."""
    click.secho(f"Universe {card['key']}", bold=True)
    run = f", run {card['run']!r}" if card["run"] else ""
    reference = "; the reference universe" if card["reference"] else ""
    click.echo(f"of {card['study']!r}{run}; {card['rows_kept']} rows kept{reference}\n")
    _options(card["options"])
    if changes := card["changes"]:
        many = count(card["distance"], "change")
        echo_prose(f"{many} from the reference universe: {changes_text(changes)}", indent=2)
    if card.get("data"):
        click.echo()
        _data(card)
    if "remark" in card:
        click.echo()
        echo_prose(card["remark"])
    click.echo()
    _outcome(card["outcome"])
    if card["flips"]:
        click.secho("\nFewest changes of option that turn its conclusions", bold=True)
        for line in flips_text(card["flips"]):
            echo_prose(line, indent=2)
    click.secho("\nIn Python", bold=True)
    click.echo(textwrap.indent(card["python"], "  "))


def _options(options: list[dict[str, Any]]) -> None:
    """A line for each decision, nothing cut, and below it why the option is defensible."""
    first = max((len(option["decision"]) for option in options), default=0)
    second = max((len(option["kind"]) for option in options), default=0)
    for option in options:
        click.echo(f"  {option['decision']:{first}}  {option['kind']:{second}}  {_label(option)}")
        said_of = []
        if option["plausibility"] is not None:
            said_of.append(f"plausibility {option['plausibility']:g}")
        if option["why"]:
            said_of.append(option["why"])
        if said_of:
            echo_prose("; ".join(said_of), indent=first + 4)
    if any(option["reference"] for option in options):
        click.echo("  * the reference option")


def _label(option: Mapping[str, Any]) -> str:
    if option["label"] is None:
        return "(does not apply)"
    label = click.style(option["label"], bold=True) + ("*" if option["reference"] else "")
    return f"{label} = {option['value']}" if "value" in option else label


def _data(card: Mapping[str, Any]) -> None:
    click.secho("Prepared data", bold=True)
    rows = [
        (a["name"], a["dtype"], " x ".join(map(str, a["shape"])) or "one number", a["least"], a["mean"], a["most"])
        for a in card["data"]
    ]
    echo_table(("array", "dtype", "shape", "least", "mean", "most"), rows, indent=2)
    if card["first_rows"]:
        click.echo("  first rows")
        echo_table([a["name"] for a in card["data"]], card["first_rows"], indent=2)


def _outcome(outcome: Mapping[str, Any] | None) -> None:
    if outcome is None:
        click.echo("Not answered yet.")
        return
    if outcome["ok"]:
        click.secho("Green", fg="green", bold=True)
    else:
        click.secho(f"Red: {outcome['reason']}", fg="red", bold=True)
        for line in (outcome["message"], outcome["mend"]):
            if line:
                echo_prose(str(line), indent=2)
        if outcome["traceback"]:
            click.echo(textwrap.indent(str(outcome["traceback"]).rstrip(), "    "))
    if told := unverified(outcome["verified_by"] or ""):
        echo_prose(told, indent=2)
    echo_prose(
        f"by {outcome['engine']}, attempt {outcome['attempt']}, {outcome['seconds']:.2g} s of its batch on "
        f"{outcome['host']}, finished {_local(outcome['finished'])}",
        indent=2,
    )
    if outcome["escalated"]:
        echo_prose(f"engines before it: {outcome['escalated']}", indent=2)
    if len(outcome["attempts"]) > 1:
        echo_attempts(outcome["attempts"])
    if outcome["same_as"]:
        echo_prose(f"an exact duplicate of universe {outcome['same_as']}, which was run: this is its answer", indent=2)
    if outcome["estimates"]:
        known = [name for name in _ESTIMATES if name in outcome["estimates"][0]]
        echo_table(known, [[row[name] for name in known] for row in outcome["estimates"]], indent=2)
    numbers = {name: value for name, value in outcome["diagnostics"].items() if said(value) != "-"}
    if numbers:
        echo_prose(", ".join(f"{name} {said(value)}" for name, value in numbers.items()), indent=2)


def _local(moment: datetime) -> str:
    return said(moment.astimezone().replace(tzinfo=None))
