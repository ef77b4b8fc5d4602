"""`multiverse manifest`: what a run was made of, as it was written down before its first batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from multiverse.cli.store_argument import json_option, opened_store, run_option, store_argument

if TYPE_CHECKING:
    from multiverse.results import Results

LONG: Final = 120  # characters of a value; longer ones, and those of several lines, are folded
OPTIONS: Final = "options"  # the section that is made of the plan

_HELP = """Show what a run of STORE was made of: seed, versions, git, source, data, hardware, options, thresholds.

With SECTION only that one, its texts in full; with NAME the value alone, so that it can be sent to a file.

\b
Example:
  multiverse manifest runs/radon
  multiverse manifest runs/radon source
  multiverse manifest runs/radon source text > study_as_it_was.py
"""


@click.command(help=_HELP, short_help="Show what a run was made of: versions, source, data, thresholds.")
@store_argument
@click.argument("section", required=False)
@click.argument("name", required=False)
@run_option
@json_option
def manifest(store: str, section: str | None, name: str | None, run_name: str | None, as_json: bool) -> None:
    """Show what a run was made of."""
    place = opened_store(store)
    from multiverse.results import load

    results = load(place.store, run=run_name)
    sections = _sections(results)
    if section is not None:
        sections = {section: sections[_known(section, sections, "section")]}
    if section is not None and name is not None:
        own = sections[section]
        click.echo(own[_known(name, own, f"name in the section {section!r}")] or "", nl=True)
    elif as_json:
        from multiverse.cli.as_json import echo_json

        echo_json(sections)
    else:
        _tell(sections, folded=section is None)


def _sections(results: Results) -> dict[str, dict[str, str | None]]:
    """The view `manifest` of one run and its study, and the options of its plan."""
    run = results.run.replace("'", "''")
    rows = results.sql(f"select section, name, value from manifest where run is null or run = '{run}'")
    found: dict[str, dict[str, str | None]] = {}
    for section, name, value in rows.itertuples(index=False):
        found.setdefault(section, {})[name] = value if isinstance(value, str) else None
    found[OPTIONS] = {
        f"{decision.name} = {option.label}": ", ".join(filter(None, [_place(option), option.why]))
        for decision in results.header.decisions
        for option in decision.options
    }
    return found


def _place(option: Any) -> str:
    words = ["reference"] if option.reference else []
    if option.plausibility is not None:
        words.append(f"plausibility {option.plausibility:g}")
    return ", ".join(words)


def _known(asked: str, known: dict[str, Any], what: str) -> str:
    from multiverse.errors import Problem, ResultError, near_miss

    if asked in known:
        return asked
    some = [name for name in known if not name.endswith((": where", ": source"))]
    raise ResultError(
        Problem(
            f"the manifest has no {what} {asked!r}.",
            f"one of {', '.join(some)}",
            f"{near_miss(asked, known)}`multiverse manifest STORE` shows all of it",
        )
    )


def _tell(sections: dict[str, dict[str, str | None]], *, folded: bool) -> None:
    for number, (section, named) in enumerate(sections.items()):
        click.secho(f"{chr(10) if number else ''}{section}", bold=True)
        width = max((len(name) for name in named), default=0)
        for name, value in named.items():
            text = "-" if value is None else value or '""' if section != OPTIONS else value
            if "\n" in text and not folded:
                click.echo(f"  {name}\n" + "\n".join(f"    {line}".rstrip() for line in text.splitlines()))
            else:
                click.echo(f"  {name.ljust(width)}  {_folded(text, section) if folded else text}".rstrip())


def _folded(text: str, section: str) -> str:
    lines = text.splitlines()
    if len(lines) <= 1 and len(text) <= LONG:
        return text
    size = f"{len(lines):,} lines" if len(lines) > 1 else f"{len(text):,} characters"
    first = next((line.strip() for line in lines if line.strip()), "")
    return f"{first[: LONG // 2]} ... [{size}: multiverse manifest STORE {section}]"
