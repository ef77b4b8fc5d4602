"""What `rows.read_rows` gathers in Python, as SQL over the Parquet files of a folder: read anew at each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from multiverse.engines.outcome import Reason
from multiverse.store.contract import folder_of
from multiverse.store.draws_view import identifier, text
from multiverse.store.folder import SUFFIX
from multiverse.store.plan_table import HEADER, OPTION
from multiverse.store.records import RUN

_PATTERN: Final = str.maketrans({sign: f"[{sign}]" for sign in "*?["})  # what a file pattern would read as a pattern


def files(folder: Path, kind: str) -> str:
    """All published tables of a kind, as a file pattern in an SQL string; unfinished ones do not match it."""
    return text(f"{str(folder.resolve()).translate(_PATTERN)}/{folder_of(kind)}/{kind}-*{SUFFIX}")


def parts(folder: Path) -> str:
    """All rows of all parts, draws too; a column that a part lacks is NULL there."""
    return f"read_parquet({files(folder, 'part')}, union_by_name = true)"


def stored(folder: Path, decisions: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Name -> query for each table that `row_views` reads, as `rows.Rows` says, and `stored_reasons`.

    decisions: the names that become columns. columns: those of parts, with their types in SQL.
    """
    latest = _latest(folder)
    labels = "".join(f", p.{identifier(OPTION + name)}" for name in decisions)
    typed = ", ".join(f"null::{kind} as {identifier(name)}" for name, kind in columns.items())
    wanted = ", ".join(map(identifier, columns))
    # as `attempts.distinct` chooses
    attempts = f"""
        select *, row_number() over (partition by run, key order by final desc, attempt desc) = 1 as shown
        from (
            select {wanted} from (select {typed} where false union all by name from {parts(folder)})
            qualify row_number() over (
                partition by run, key, attempt order by final desc, finished desc, batch) = 1
        )"""
    planned = f"""
        select l.run, p.file_row_number as position, p.key, p.program, p.reference, p.rows_kept,
            json_extract_string(decode(h.value), '$.verified_by') as verified_by{labels}
        from read_parquet({files(folder, "plan")}, union_by_name = true, filename = true, file_row_number = true) as p
        join ({latest}) as l on parse_filename(p.filename, true) = 'plan-' || l.plan
        join parquet_kv_metadata({files(folder, "plan")}) as h
            on parse_filename(h.file_name, true) = 'plan-' || l.plan and decode(h.key) = {text(HEADER.decode())}"""
    manifest = f"""
        select null::varchar as run, section, name, value from read_parquet({files(folder, "study")})
        union all
        select l.run, r.section, r.name, r.value
        from read_parquet({files(folder, "run")}, filename = true) as r join ({latest}) as l using (filename)"""
    reasons = "select * from (values {}) as _(code, mend)".format(
        ", ".join(f"({text(reason.name)}, {text(reason.value)})" for reason in Reason)
    )
    return {
        "stored_planned": planned,
        "stored_attempts": attempts,
        "stored_options": _options(folder, latest),
        "stored_manifest": manifest,
        "stored_reasons": reasons,
    }


def _latest(folder: Path) -> str:
    """(run, plan, started, filename) of each run's latest record, as `records.latest` chooses."""
    own = ", ".join(
        f"max(value) filter (name = '{name}'){cast} as {said}"
        for name, said, cast in (
            ("name", "run", ""),
            ("plan", "plan", ""),
            ("number", "number", "::bigint"),
            ("started", "started", "::timestamptz"),
        )
    )
    return f"""
        select run, plan, started, filename
        from (
            select filename, {own} from read_parquet({files(folder, "run")}, filename = true)
            where section = {text(RUN)} group by filename
        )
        qualify row_number() over (partition by run order by number desc, started desc, filename desc) = 1"""


def _options(folder: Path, latest: str) -> str:
    """Every option of every run's latest plan once, as the run started last describes it; see `rows.read_rows`."""
    return f"""
        with space as (
            select row_number() over (order by l.started desc, l.run) as space,
                json_extract(decode(h.value), '$.decisions[*]') as decisions
            from parquet_kv_metadata({files(folder, "plan")}) as h
            join ({latest}) as l on parse_filename(h.file_name, true) = 'plan-' || l.plan
            where decode(h.key) = {text(HEADER.decode())}
        ), decided as (
            select space, unnest(decisions) as decision, unnest(range(len(decisions))) as place from space
        ), option as (
            select *, decision->>0 as spelled, decision->>1 as kind,
                unnest(json_extract(decision, '$[2][*]')) as option,
                unnest(range(len(json_extract(decision, '$[2][*]')))) as number
            from decided
        ), named as (
            select *, option->>0 as label,
                first_value(spelled) over decision as decision_name,
                first_value(space) over decision as first_space, first_value(place) over decision as first_place
            from option window decision as (partition by lower(spelled) order by space, place, number)
        ), once as (
            select * from named qualify row_number() over (
                partition by decision_name, label order by space, place, number) = 1
        )
        select decision_name as decision, kind,
            (row_number() over (partition by decision_name order by space, place, number) - 1)::integer as position,
            label, option->>1 as why, (option->>2)::double as plausibility, (option->>3)::boolean as reference
        from once order by first_space, first_place, position"""
