"""The state of the git repository that a study lies in; nothing where there is none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

GIT_SECONDS: Final = 2.0  # a call may take: on a slow disk `git status` takes minutes, and a run shall begin

Section = dict[str, str | None]


def git_section(folder: Path, files: Sequence[Path] = ()) -> Section:
    """Section `git`: commit, branch, changed ("yes" or "no"), remote, folder. Empty without git or a commit.

    changed: whether a tracked file differs from the commit, or one of `files` is not in it. NULL where git did not
    answer in `GIT_SECONDS`. A detached head has no branch. Never raises.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return {}
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if not status and files:  # data and answers beside the study are new files too, and no change of it
        names = [str(file) for file in files]
        status = _git(folder, "status", "--porcelain", "--untracked-files=all", "--ignored", "--", *names)
    remote = _git(folder, "remote", "get-url", "origin")
    return {
        "commit": commit,
        "branch": _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or None,
        "changed": None if status is None else "yes" if status else "no",
        "remote": without_credentials(remote) if remote else None,
        "folder": _git(folder, "rev-parse", "--show-toplevel"),
    }


def without_credentials(remote: str) -> str:
    """The address of a remote without user, password and whatever is asked of it."""
    if "://" not in remote:
        user, at, rest = remote.rpartition("@")
        # `git` is what everyone is called there: it tells nothing, and the address does not work without it
        return remote if not at or user == "git" or "/" in user else rest
    parts = urlsplit(remote)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None where it does not."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    # a repository may name a program that watches its files: it shall not run because somebody samples
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
