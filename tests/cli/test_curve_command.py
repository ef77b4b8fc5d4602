"""`multiverse curve`: files, and which."""

from __future__ import annotations

from pathlib import Path


def test_it_says_which_files_it_wrote(multiverse, store: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = multiverse("curve", store, "share", "-o", "figures/share.svg", "--width", "89mm", "--title", "the share")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines() == [f"wrote figures/share.{kind}" for kind in ("svg", "data.csv", "caption.txt")]
    assert 'width="89mm"' in Path("figures/share.svg").read_text()
    assert Path("figures/share.caption.txt").read_text().startswith("The share in ")


def test_mistakes(multiverse, store: Path, tmp_path: Path) -> None:
    wrong = multiverse("curve", store, "efect")
    assert wrong.exit_code == 1 and "Did you mean 'effect'?" in wrong.stderr
    gif = multiverse("curve", store, "-o", tmp_path / "x.gif")
    assert gif.exit_code == 2 and "'x.gif' does not say what kind of figure it is." in " ".join(gif.stderr.split())
    wide = multiverse("curve", store, "--width", "wide", "-o", tmp_path / "x.pdf")
    assert wide.exit_code == 2 and "write 89mm (one column of a journal) or 183mm (two)." in wide.stderr
    assert "'x' is not a number." in multiverse("curve", store, "--threshold", "x").stderr
    run = multiverse("curve", store, "--run", "man")
    assert run.exit_code == 1 and "Did you mean 'main'?" in run.stderr
    assert not list(tmp_path.glob("x.*"))
