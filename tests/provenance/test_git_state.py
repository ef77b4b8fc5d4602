"""What is said of the git repository around a study, and that git never holds up a run."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from multiverse.provenance import git_state
from multiverse.provenance.git_state import git_section, without_credentials


def git(folder: Path, *words: str) -> str:
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], env={**os.environ, **quiet}, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one commit, with a study in a folder of it."""
    git(tmp_path, "init", "--initial-branch", "winter")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "radon.py").write_text("study = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "begin")
    return tmp_path


def test_a_clean_repository(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://someone:secret@example.org/radon.git?token=secret")
    told = git_section(repository / "studies", [repository / "studies" / "radon.py"])
    assert told == {
        "commit": git(repository, "rev-parse", "HEAD"),
        "branch": "winter",
        "changed": "no",
        "remote": "https://example.org/radon.git",
        "folder": str(repository),
    }


def test_what_is_a_change(repository: Path) -> None:
    study = repository / "studies" / "radon.py"
    new = repository / "studies" / "helpers.py"
    new.write_text("x = 1\n")
    (repository / "studies" / "runs").mkdir()
    (repository / "studies" / "runs" / "answers.parquet").write_text("")
    assert git_section(study.parent, [study])["changed"] == "no"  # answers and other files are none
    assert git_section(study.parent, [study, new])["changed"] == "yes"  # it runs, and is in no commit
    (repository / ".gitignore").write_text("helpers.py\n")
    assert git_section(study.parent, [new])["changed"] == "yes"
    new.unlink()
    study.write_text("study = 2\n")
    assert git_section(study.parent, [study])["changed"] == "yes"


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "--detach")
    told = git_section(repository)
    assert told["branch"] is None and told["remote"] is None and told["commit"]


def test_without_a_repository_a_commit_or_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_section(tmp_path) == {}
    assert git_section(tmp_path / "gone") == {}
    git(tmp_path, "init")
    assert git_section(tmp_path) == {}
    monkeypatch.setenv("PATH", "")
    assert git_section(tmp_path) == {}


def test_a_git_that_hangs_is_not_waited_for(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path_factory.mktemp("bin") / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git_state, "GIT_SECONDS", 0.2)
    began = time.monotonic()
    assert git_section(repository) == {}
    assert time.monotonic() - began < 30  # and not 60


def test_a_program_that_a_repository_names_is_not_run(repository: Path, tmp_path: Path) -> None:
    seen = repository / "seen"
    watcher = repository / "watcher"
    watcher.write_text(f"#!/bin/sh\ntouch {seen}\n")
    watcher.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(watcher))
    assert git_section(repository)["commit"]
    assert not seen.exists()


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://token@example.org/a", "https://example.org/a"),
        ("https://u:p@ss@example.org:8443/a?x=secret#secret", "https://example.org:8443/a"),
        ("ssh://me:pw@example.org/a", "ssh://example.org/a"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("secret@example.org:a/b.git", "example.org:a/b.git"),
        ("/srv/git/a@b.git", "/srv/git/a@b.git"),
    ],
)
def test_credentials_stay_at_home(remote: str, told: str) -> None:
    assert without_credentials(remote) == told
