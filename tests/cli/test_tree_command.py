"""`multiverse tree`: a figure of the space, without a run."""

from __future__ import annotations

from pathlib import Path

import pytest

SPACE = """
import multiverse as mv

study = mv.Study("small", data=None, estimate=lambda data, *, a, b: a + b,
                 space=mv.Space(a=mv.prior(x=1, y=2), b=mv.prior(u=1, v=2)).forbid("never seen", {"a": "y", "b": "v"}))
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("tree_study.py").write_text(SPACE)
    return "tree_study.py"


def test_it_says_which_files_it_wrote(multiverse, file: str) -> None:
    answer = multiverse("tree", file, "-o", "figures/tree.svg", "--width", "89mm")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines() == [f"wrote figures/tree.{kind}" for kind in ("svg", "data.csv", "caption.txt")]
    assert 'width="89mm"' in Path("figures/tree.svg").read_text()
    assert "which make 3 universes, of 4 combinations" in Path("figures/tree.caption.txt").read_text()
    assert not Path("runs").exists()


def test_mistakes(multiverse, file: str) -> None:
    assert multiverse("tree", file, "-o", "x.gif").exit_code == 2
    assert multiverse("tree", file, "--width", "wide").exit_code == 2
    Path("broken_study.py").write_text(SPACE.replace('"a": "y"', '"aa": "y"'))
    broken = multiverse("tree", "broken_study.py")
    assert broken.exit_code == 2 and "Did you mean 'a'?" in broken.stderr
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == ["broken_study.py", "tree_study.py"]
