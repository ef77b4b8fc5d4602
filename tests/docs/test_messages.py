"""The messages that docs/how-to/when-planning-fails.md explains are those that broken studies get."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "when-planning-fails.md").read_text()
SEEN = "\n".join(path.read_text() for path in (ROOT / "tests" / "golden" / "broken_studies").glob("*.txt"))


def test_each_message_is_one_that_is_seen() -> None:
    table = PAGE.split("| the message says | because |\n")[1].split("\n\n")[0]
    said = [row.split("|")[1].strip() for row in table.splitlines()[1:]]
    pieces = [piece.strip(" ,") for message in said for piece in re.split(r"\.\.\.", message) if piece.strip(" ,")]
    assert len(pieces) >= len(said) > 5
    assert not [piece for piece in pieces if piece not in SEEN]
