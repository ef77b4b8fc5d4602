"""The Python that opens the draws of one universe, and that runs it again alone; ready to paste."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiverse.results import Results
    from multiverse.store.records import RunRecord


def rerun_code(results: Results | None, path: Path, key: str, place: str | None) -> str:
    """Lines of Python. place: the study file, if it is known; else the one that the run recorded."""
    from multiverse.cli.recorded_settings import engine_code
    from multiverse.cli.store_argument import shown_path

    study = place or (recorded_study(results.record) if results else None) or "study.py"
    engine = f", engine={engine_code(results.record)}" if results else ""
    lines = ["import multiverse as mv"]
    if results:
        lines += [
            "",
            f"results = mv.load({shown_path(path)!r}, run={results.run!r})",
            f"results.universe({key!r})       # its draws, for ArviZ",
            f"results.draws(keys=[{key!r}])  # the same as xarray",
        ]
    lines += [
        "",
        "from multiverse.loading import load_study",
        "",
        f"plan = mv.plan(load_study({study!r}).study)",
        f"alone = plan.without(key for key in plan.keys if key != {key!r})",
        f'again = mv.run(alone{engine}, keep="all")',
        f"again.universe({key!r})         # the same draws, and those of all sites",
    ]
    return "\n".join(lines)


def recorded_study(record: RunRecord) -> str | None:
    """The study file of a run that was started by `multiverse run`."""
    from multiverse.loading import is_study_file

    said = record.sections.get("command", {})
    _, _, after = (said.get("argv") or "").partition(" run ")
    found = next((word for word in after.split() if is_study_file(word)), None)
    if found is None:
        return None
    whole = Path(said.get("folder") or ".") / found
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)
