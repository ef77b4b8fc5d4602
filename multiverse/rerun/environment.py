"""Whether this process computes as the one did that answered: what differs in versions and hardware."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from multiverse.provenance.machine import hardware, versions
from multiverse.store.records import RunRecord

# What reads and writes, and draws nothing; every other recorded package may change a bit.
READERS: Final = frozenset(
    {"pyarrow", "duckdb", "arviz", "altair", "xarray", "fsspec", "s3fs", "gcsfs", "click", "rich", "h5netcdf", "zarr"}
)
# The kind of hardware: on one kind a universe has the same bits (docs/architecture.md). Cores and devices may be more.
KIND: Final = ("machine", "cpu", "devices", "fused multiply-add", "linear algebra")


def record_at(records: Sequence[RunRecord], drawn: datetime) -> RunRecord:
    """The call of a run that made these draws: the latest that had started. records: of one run."""
    in_order = sorted(records, key=lambda record: record.started)
    started = [record for record in in_order if record.started <= drawn]
    return started[-1] if started else in_order[0]


def differences_here(record: RunRecord) -> tuple[str, ...]:
    """What differs here from what this call recorded, in words; empty on the same kind of hardware and versions."""
    here = {"versions": versions(record.sections.get("versions", ())), "hardware": hardware()}
    told = []
    for section, now in here.items():
        was = record.sections.get(section, {})
        for name in was if section == "versions" else KIND:
            if name in was and name not in READERS and was[name] != now.get(name):
                told.append(f"{name}: was {was[name] or 'not installed'}, is {now.get(name) or 'not installed'}")
    return tuple(told)
