"""The Python that opens the draws of one universe, and that runs it again alone; ready to paste."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiverse.cli.store_argument import Place
    from multiverse.results import Results


def rerun_code(results: Results | None, store: Place, key: str, place: str | None) -> str:
    """Lines of Python. place: the study file that was named; None: the one that the run recorded, if it did."""
    from multiverse.cli.store_argument import shown_path

    if results is None:
        return "\n".join(
            [
                "import multiverse as mv",
                "from multiverse.loading import load_study",
                "",
                f"plan = mv.plan(load_study({place or 'study.py'!r}).study)",
                f"alone = plan.without(key for key in plan.keys if key != {key!r})",
                'results = mv.run(alone, keep="all")  # in memory',
            ]
        )
    study = place or (None if _recorded(results) else "study.py")
    given = "" if study is None else f", {study!r}"
    return "\n".join(
        [
            "import multiverse as mv",
            "",
            f"results = mv.load({shown_path(store)!r}, run={results.run!r})",
            f"results.universe({key!r})       # its draws, for ArviZ",
            f"results.draws(keys=[{key!r}])  # the same as xarray",
            f"again = results.rerun({key!r}{given})  # once more, with everything shown",
            "again.same, again.draws  # the same draws, and those of all sites",
        ]
    )


def study_place(store: str) -> str | None:
    """The study file, where STORE is one and not a store."""
    from multiverse.loading import is_study_file

    return store if is_study_file(store) else None


def _recorded(results: Results) -> bool:
    """Whether the run names a study file that is there."""
    from multiverse.rerun.source import recorded_study

    place = recorded_study(results.record)
    return place is not None and Path(place if place.endswith(".py") else place.rpartition(":")[0]).exists()
