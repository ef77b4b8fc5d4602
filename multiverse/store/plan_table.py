"""A planned space as a table: a row for each universe, and what its labels mean beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from multiverse.errors import Problem, ResultError, StoreError
from multiverse.store.contract import Table

OPTION: Final = "option:"  # option:family holds labels of the decision 'family'
HEADER: Final = b"multiverse.plan"  # where the schema's metadata holds the header, as JSON


class PlannedOption(NamedTuple):
    """One option of a decision, as a reader needs it: no value, only what is said of it."""

    label: str
    why: str | None = None
    plausibility: float | None = None
    reference: bool = False


class PlannedDecision(NamedTuple):
    """One decision with its options in order."""

    name: str
    kind: str
    options: tuple[PlannedOption, ...]


class PlannedUniverse(NamedTuple):
    """One planned universe. labels: decision -> label, None (or absent) where the decision does not apply.

    observed: equal for universes whose marginal likelihoods may be compared; None where there is none, and
    `no_evidence` says why.
    """

    key: str
    labels: Mapping[str, str | None]
    program: str
    reference: bool = False
    rows_kept: int | None = None
    observed: str | None = None
    no_evidence: str | None = None


class PlannedPart(NamedTuple):
    """What was taken of a space: of how many universes, and how, in words that follow "30 of 1,000 universes: "."""

    of: int
    said: str


@dataclass(frozen=True)
class PlanHeader:
    """What a plan says of all its universes at once. created: when it was planned, with its time zone.

    part: how many universes the space has, and how these were taken from it; None where they are the whole space.
    links: decisions that move together. verified_by: "calibration" where no density vouches for answers, else "".
    """

    study: str
    estimands: tuple[str, ...]
    decisions: tuple[PlannedDecision, ...]
    created: datetime
    part: PlannedPart | None = None
    links: tuple[tuple[str, ...], ...] = ()
    verified_by: str = ""

    def said(self) -> dict[str, Any]:
        """The header for JSON. What says nothing is left out, so that plans keep the names they had before it was."""
        said = {**asdict(self), "created": self.created.isoformat()}
        return {name: value for name, value in said.items() if value or name not in ("part", "links", "verified_by")}


@dataclass(frozen=True)
class PlanRecord:
    """A planned space, as the store keeps it."""

    header: PlanHeader
    universes: tuple[PlannedUniverse, ...]

    def name(self) -> str:
        """The name to publish it under: a hash of everything but the time, so that planning twice writes once."""
        said = {**self.header.said(), "created": None}
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        for universe in self.universes:
            *said_of, observed, no_evidence = universe._replace(labels=dict(universe.labels))
            said_of += [told for told in (observed, no_evidence) if told]  # as before they were, where there are none
            digest.update(json.dumps(said_of, sort_keys=True).encode())
        return digest.hexdigest()[:32]

    def key(self, beginning: str) -> str:
        """The whole key of a universe from its first characters; `reference` stands for the reference universe.

        Raises ResultError unless one universe is meant.
        """
        if beginning == "reference":
            return next(u.key for u in self.universes if u.reference)
        found = [u.key for u in self.universes if u.key.startswith(beginning)]
        if len(found) != 1:
            raise ResultError(
                Problem(
                    f"{len(found) or 'no'} universes have a key that begins with {beginning!r}.",
                    "the beginning of one key, or `reference`",
                    "list the keys with `select key from universes`",
                )
            )
        return found[0]


def encode_plan(plan: PlanRecord) -> Table:
    """The table, with `option:<decision>` for each decision, NULL where inactive.

    Columns before those: key, program, reference, rows_kept, observed, no_evidence.

    Raises StoreError if a universe names a decision that the header lacks.
    """
    names = [decision.name for decision in plan.header.decisions]
    rows = plan.universes
    if strangers := sorted({name for row in rows for name in row.labels} - set(names)):
        raise StoreError(
            Problem(
                f"planned universes have labels for {', '.join(map(repr, strangers))}",
                f"labels for the plan's decisions: {', '.join(names) or 'none'}",
                "Add these decisions to the plan's header.",
            )
        )
    columns: dict[str, Any] = {
        "key": pa.array([row.key for row in rows], pa.string()),
        "program": pa.array([row.program for row in rows], pa.string()),
        "reference": pa.array([row.reference for row in rows], pa.bool_()),
        "rows_kept": pa.array([row.rows_kept for row in rows], pa.int64()),
        "observed": pa.array([row.observed for row in rows], pa.string()),
        "no_evidence": pa.array([row.no_evidence for row in rows], pa.string()),
        **{OPTION + name: pa.array([row.labels.get(name) for row in rows], pa.string()) for name in names},
    }
    return pa.table(columns).replace_schema_metadata({HEADER: json.dumps(plan.header.said())})


def decode_header(table: Table) -> PlanHeader:
    """What the plan says of all its universes at once. Raises StoreError for a table that is no plan."""
    metadata = table.schema.metadata or {}
    if HEADER not in metadata:
        raise StoreError(Problem("a table under `plans` has no header", "a table of `encode_plan`", "Plan again."))
    said = json.loads(metadata[HEADER])
    # asdict keeps a NamedTuple, and JSON writes one as a list
    decisions = tuple(
        PlannedDecision(name, kind, tuple(PlannedOption(*option) for option in options))
        for name, kind, options in said["decisions"]
    )
    part = PlannedPart(*said["part"]) if said.get("part") else None
    links = tuple(tuple(names) for names in said.get("links", ()))
    created = datetime.fromisoformat(said["created"])
    return PlanHeader(
        said["study"], tuple(said["estimands"]), decisions, created, part, links, said.get("verified_by", "")
    )


def decode_plan(table: Table) -> PlanRecord:
    """The planned space of `encode_plan`; every universe names every decision, None where it does not apply."""
    header = decode_header(table)
    later = dict.fromkeys(("observed", "no_evidence"), [None] * table.num_rows)  # older plans do not tell them
    columns = later | {name: table[name].to_pylist() for name in table.column_names}
    decisions = [decision.name for decision in header.decisions]
    return PlanRecord(
        header,
        tuple(
            PlannedUniverse(
                columns["key"][i],
                {name: columns[OPTION + name][i] for name in decisions},
                columns["program"][i],
                columns["reference"][i],
                columns["rows_kept"][i],
                columns["observed"][i],
                columns["no_evidence"][i],
            )
            for i in range(table.num_rows)
        ),
    )
