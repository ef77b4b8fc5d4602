"""What is known of a study's programs once each was checked."""

from __future__ import annotations

from dataclasses import dataclass, field

from multiverse.errors import Problem
from multiverse.planning.program import Program
from multiverse.planning.unanswerable import Unanswerable


@dataclass
class Checked:
    """Sound programs, and what is wrong with the others. Filled while they are checked.

    problems: mistakes that stop the plan. failures: why some universes cannot be answered, by key. doubts: mistakes in
    estimands that show in some universes only. needed: the sites that estimands look at. notes: for people.
    """

    programs: list[Program] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    failures: dict[str, Unanswerable] = field(default_factory=dict)
    doubts: list[Problem] = field(default_factory=list)
    needed: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
