"""What two runs have in common before their answers are compared: an estimand, and the settings they were made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from multiverse.errors import Problem, ResultError, near_miss

Said = Mapping[str, str | None]  # name -> value, as the manifest of a run has it


def common_estimand(here: Sequence[str], there: Sequence[str], runs: tuple[str, str], asked: str | None) -> str:
    """The estimand to compare: the one asked for, by default the first that both runs have.

    Raises ResultError where a run does not have it, or where they have none in common.
    """
    both = [name for name in here if name in there]
    if asked in both or (asked is None and both):
        return asked or both[0]
    lacking = [repr(run) for run, names in zip(runs, (here, there), strict=True) if asked not in names]
    what = f"{' and '.join(lacking)} did not estimate {asked!r}" if asked else "the runs have no estimand in common"
    raise ResultError(
        Problem(
            f"{what}: {runs[0]!r} has {', '.join(here)}, {runs[1]!r} has {', '.join(there)}.",
            f"an estimand of both: {', '.join(both)}" if both else "runs that were asked the same",
            f"{near_miss(asked or '', both)}Ask for one of both runs, or add the estimand to the study and run it once "
            "more under both names: it is computed from kept draws",
        )
    )


def differences(here: Mapping[str, Said], there: Mapping[str, Said], runs: tuple[str, str], estimand: str) -> list[str]:
    """What is said of two manifests: estimands of one run alone, another meaning of this one, other settings."""
    told = []
    asked = [manifest.get("estimands", {}) for manifest in (here, there)]
    for run, own, other in ((runs[0], *asked), (runs[1], *reversed(asked))):
        if alone := [name for name in own if name not in other]:
            told.append(f"estimands of {run!r} alone: {', '.join(alone)}")
    if estimand in asked[0] and estimand in asked[1] and asked[0][estimand] != asked[1][estimand]:
        told.append(f"{estimand!r} means something else in {runs[1]!r} than in {runs[0]!r}")
    settings = [manifest.get("settings", {}) for manifest in (here, there)]
    names = dict.fromkeys([*settings[0], *settings[1]])
    if other := [name for name in names if settings[0].get(name) != settings[1].get(name)]:
        pairs = (f"{name} {settings[0].get(name) or '-'} and {settings[1].get(name) or '-'}" for name in other)
        told.append(f"settings that differ: {', '.join(pairs)}")
    return told
