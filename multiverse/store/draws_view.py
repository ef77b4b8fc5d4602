"""The view `draws`: a row for each universe, array of draws, element and chain, read from the parts when asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from multiverse.engines.outcome import DrawsName
from multiverse.store.draws_columns import draws_column, names_of, shape_column
from multiverse.store.read_only import part_address

NO_DRAWS = """select null::varchar as key, null::varchar as run, null::varchar as kind, null::varchar as site,
    null::integer as element, null::integer as chain, null::float[] as draws where false"""


def identifier(name: str) -> str:
    """The name quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """The value quoted as an SQL string."""
    return "'" + value.replace("'", "''") + "'"


def draws_view(holders: Iterable[tuple[str, str, str]]) -> str:
    """The query behind the view.

    holders: (run, shape column, batch) for all draws that there are; each array is read only from parts that have it.
    A run keeps one precision, so one query for each run and name reads files of one type.
    """
    batches: dict[tuple[str, str], list[str]] = defaultdict(list)
    for run, column, batch in holders:
        batches[run, column].append(batch)
    queries = [
        _one(run, name, found) for (run, column), found in sorted(batches.items()) for name in names_of([column])
    ]
    return "\nunion all\n".join(queries or [NO_DRAWS])


def _one(run: str, name: str, batches: list[str]) -> str:
    files = ", ".join(text(part_address(batch)) for batch in sorted(batches))
    return array_of_draws(name, f"(from read_parquet([{files}]) where run = {text(run)})")


def array_of_draws(name: str, source: str) -> str:
    """The rows of the view for draws of one name, of the attempts that `universes` shows.

    source: rows of parts that have these draws, as SQL.
    """
    kind, site = DrawsName.parse(name)
    # row-major (chain, draw, *site): an element of a chain is every `elements`-th number of the chain's share
    return f"""
    select key, run, {text(kind)} as kind, {text(site)} as site, element::integer as element, chain::integer as chain,
        numbers[chain * per_chain + element + 1 : (chain + 1) * per_chain : elements] as draws
    from (
        select *, unnest(range(elements)) as element
        from (
            select key, run, numbers, unnest(range(shape[1])) as chain,
                list_aggregate(shape[2:], 'product')::bigint as per_chain,
                coalesce(list_aggregate(shape[3:], 'product'), 1)::bigint as elements
            from (
                select part.key, part.run, {identifier(draws_column(name))} as numbers,
                    {identifier(shape_column(name))} as shape
                from {source} as part
                semi join universes as u
                    on u.key = part.key and u.run = part.run and u.attempt = part.attempt and u.batch = part.batch
            )
        )
    )"""
