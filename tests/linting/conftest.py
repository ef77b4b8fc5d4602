"""Planning without its last and slowest step, which no check of the lint depends on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import multiverse as mv
from multiverse.planning.safety import Verdict
from multiverse.progress import no_progress


@pytest.fixture(scope="session")
def quick_plan() -> Callable[[mv.Study], mv.Plan]:
    """Plans a study, and does not compare its programs with the model called plainly: that compiles each of them."""

    def made(study: mv.Study) -> mv.Plan:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("multiverse.planning.build.check", lambda program, estimands: Verdict())
            return mv.plan(study, progress=no_progress)

    return made
