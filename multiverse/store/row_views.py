"""The views of docs/schema.md that show rows, each as one query: for tables in memory, and for views in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from multiverse.store.draws_view import identifier
from multiverse.store.part import DIAGNOSTIC, ESTIMATE
from multiverse.store.plan_table import OPTION
from multiverse.store.schema import DIAGNOSTICS, STATISTICS, VIEWS


class RowView(NamedTuple):
    """A view as a query, and the order in which its rows are kept where it becomes a table."""

    name: str
    select: str
    order: str = ""


def row_views(decisions: Sequence[str], columns: Sequence[str]) -> Iterator[RowView]:
    """Every view but `draws`; later ones read earlier ones.

    decisions, columns: names of the decisions, and of the columns of parts. The queries read `stored_planned`,
    `stored_attempts`, `stored_options` and `stored_manifest`, which are as `rows.Rows` says, and `stored_reasons`
    (code, mend).
    """
    labels = listed(f"p.{identifier(OPTION + name)} as {identifier(name)}" for name in decisions)
    names = listed(f"u.{identifier(name)}" for name in decisions)
    statistics = listed(
        f"unnest(a.{identifier(column)}) as {identifier(name)}"
        for column, name in _named(columns, ESTIMATE, STATISTICS, {*VIEWS["estimates"], *decisions})
    )
    diagnostics = listed(
        f"a.{identifier(column)} as {identifier(name)}"
        for column, name in _named(columns, DIAGNOSTIC, DIAGNOSTICS, {*VIEWS["diagnostics"]})
    )
    yield RowView(
        "universes",
        f"""
        select p.key, p.run, {labels} p.reference, a.engine, a.reason is null as ok, a.reason, a.attempt, a.final,
            a.escalated, coalesce(a.program, p.program) as program,
            coalesce(a.rows_kept, p.rows_kept) as rows_kept, a.seconds, a.finished, a.host, a.batch, a.same_as,
            coalesce(p.verified_by, case when a.engine <> 'function' then 'density' end) as verified_by
        from stored_planned as p join stored_attempts as a using (run, key)
        where a.shown""",
        "p.run, p.position",
    )
    yield RowView(
        "estimates",
        f"""
        select u.key, u.run, {names} u.reference, u.ok, unnest(a.estimand) as estimand,
            coalesce(unnest(a.interval), 'credible') as interval, {statistics} u.verified_by
        from universes as u join stored_attempts as a using (run, key, attempt)""",
        "u.rowid",
    )
    yield RowView(
        "diagnostics",
        f"""
        select a.key, a.run, a.engine, a.attempt, a.final, a.reason is null as ok, {diagnostics}
        from stored_attempts as a semi join stored_planned as p using (run, key)""",
        "a.run, a.key, a.attempt",
    )
    yield RowView(
        "failures",
        f"""
        select u.key, u.run, {names} u.reason, a.message, r.mend, a.traceback, u.attempt
        from universes as u join stored_attempts as a using (run, key, attempt)
        left join stored_reasons as r on r.code = u.reason
        where u.final and not u.ok""",
        "u.rowid",
    )
    yield RowView(
        "planned",
        f"""
        select p.key, p.run, {labels} p.reference, p.program, p.rows_kept,
            (p.run, p.key) in (select (run, key) from stored_attempts) as answered
        from stored_planned as p""",
        "p.run, p.position",
    )
    yield RowView("options", "from stored_options")
    yield RowView("manifest", "from stored_manifest")


def listed(terms: Iterable[str]) -> str:
    """The terms of a select list, each followed by a comma."""
    return "".join(f"{term}, " for term in terms)


def _named(columns: Sequence[str], prefix: str, known: tuple[str, ...], taken: set[str]) -> Iterator[tuple[str, str]]:
    """(column of a part, column of a view) for the known names, then for others; these keep the prefix on a clash."""
    others = sorted({c.removeprefix(prefix) for c in columns if c.startswith(prefix)} - set(known))
    spoken_for = {name.lower() for name in taken}
    for name in known:
        yield prefix + name, name
    for name in others:
        yield prefix + name, prefix + name if name in spoken_for else name
