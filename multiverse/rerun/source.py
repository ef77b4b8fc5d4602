"""What a run was made of: its study, from the file that the store names or as it is given, and its engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multiverse.engines.by_name import ENGINES, made_again
from multiverse.engines.engine import flat_settings, settings_of
from multiverse.errors import Problem, ResultError, near_miss
from multiverse.identity.keys import StudyIdentity, changed_settings
from multiverse.loading import VARIABLE, StudyFileError, is_study_file, load_study
from multiverse.planning.plan import Plan
from multiverse.store.contract import Store
from multiverse.store.records import RunRecord, decode_record
from multiverse.study import Study

SOURCE = "source"  # the section of a run's record that says where its study came from


def recorded_settings(record: RunRecord) -> dict[str, Any]:
    """Every setting by dotted name; `engine` is the engine's name, `keep` which draws were kept."""
    return {name: json.loads(value or "null") for name, value in record.sections.get("settings", {}).items()}


def recorded_study(record: RunRecord) -> str | None:
    """The study file of a run, `file.py` or `file.py:name`, with its whole path; None where there is none to load.

    A script that runs its own study is none: to load it would be to run it again.
    """
    said = record.sections.get(SOURCE, {})
    if file := said.get("file"):
        variable = said.get("variable")
        return file if variable in (None, VARIABLE) else f"{file}:{variable}"
    if said:
        return None
    told = record.sections.get("command", {})  # a store older than the section
    _, _, after = (told.get("argv") or "").partition(" run ")
    found = next((word for word in after.split() if is_study_file(word)), None)
    return None if found is None else str(Path(told.get("folder") or ".") / found)


def engine_of(record: RunRecord, given: Any = None) -> Any:
    """The engine of a run, made again from its recorded settings.

    given: the engine itself, where it is not one of ours. Raises ResultError where it is not given then, or where its
    settings are not those of the run.
    """
    settings = recorded_settings(record)
    name = str(settings.pop("engine", ""))
    settings.pop("keep", None)
    if given is None and name not in ENGINES:
        raise ResultError(
            Problem(
                f"the run {record.run!r} was made by an engine {name!r}, which is not one of ours.",
                f"one of {', '.join(ENGINES)}, or the engine itself",
                f"{near_miss(name, ENGINES)}Pass it: results.rerun(key, engine=MyEngine(...))",
            )
        )
    engine = made_again(ENGINES[name], settings) if given is None else given
    now = flat_settings(settings_of(engine))
    was = {setting: value for setting, value in settings.items() if setting in now}
    if changes := changed_settings(_plain(was), _plain({setting: now[setting] for setting in was})):
        raise ResultError(
            Problem(
                f"the engine has other settings than the run {record.run!r}: {'; '.join(changes)}.",
                "the settings of the run: others give other draws",
                "pass the engine with these settings, or leave it out",
            )
        )
    return engine


def study_of(record: RunRecord, given: Study | Plan | str | Path | None) -> tuple[Study, str]:
    """The study of a run, and where it came from, in words.

    given: a study, a plan, or a study file; None: the file that was recorded.
    Raises ResultError where none is given and none is recorded, StudyFileError where the file cannot be loaded.
    """
    if isinstance(given, Plan):
        return given.study, "the plan given"
    if isinstance(given, Study):
        return given, "the study given"
    place = given if given is not None else recorded_study(record)
    mend = "pass the study, or its file: results.rerun(key, study), or --study study.py on the command line"
    if place is None:
        script = record.sections.get(SOURCE, {}).get("script")
        where = f": it was run by {script}, which would run again if it were loaded" if script else ""
        raise ResultError(
            Problem(
                f"the run {record.run!r} does not say which file its study can be loaded from{where}.",
                "the study, or its file",
                mend,
            )
        )
    try:
        return load_study(place).study, str(place)
    except StudyFileError as error:
        file = place if str(place).endswith(".py") else str(place).rpartition(":")[0]
        if given is not None or Path(file).exists():
            raise
        gone = f"the study file of the run {record.run!r}, {place}, is not on this machine."
        raise ResultError(Problem(gone, "the file as it was", mend)) from error


def refuse_another(store: Store, identity: StudyIdentity, whence: str) -> None:
    """Raise ResultError unless a store belongs to the study with this identity; say what changed."""
    for name in store.names("study"):
        said = decode_record(store.get("study", name))["study"]
        theirs = StudyIdentity(*(str(said.get(part)) for part in ("prepare", "model", "data")))
        if changed := identity.changes(theirs):
            raise ResultError(
                Problem(
                    f"the study ({whence}) has another {' and '.join(changed)} than the one that {store.describe()} "
                    "holds the answers of.",
                    "the study as it was: only then can a universe be answered again",
                    "undo the change, or pass the study as it was; the manifest has its source: "
                    f"`select name, value from manifest where section = '{SOURCE}'`",
                )
            )


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives them back: tuples are lists there."""
    return {name: json.loads(json.dumps(value)) for name, value in settings.items()}
