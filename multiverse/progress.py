"""Progress of anything that takes longer than two seconds: how many are done, the rate, the time left."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol

BEAT_SECONDS = 1.0  # between notes of what is waited for, where others do the work
LINE_SECONDS = 15.0  # where there is no terminal, a line this often: a log file should stay readable


class Advance(Protocol):
    """Tells that `count` more are done; `more` enlarges the total; `note` is shown at the end of the line."""

    def __call__(self, count: int = 1, *, more: int = 0, note: str = "") -> None:
        """Tell it."""
        ...


Progress = Callable[[str, int, str], AbstractContextManager[Advance]]


@contextmanager
def no_progress(title: str, total: int, unit: str) -> Iterator[Advance]:
    """Shows nothing."""

    def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
        return None

    yield advance


@contextmanager
def bar(title: str, total: int, unit: str) -> Iterator[Advance]:
    """A bar in a terminal or notebook, on stderr; a line now and then where there is neither."""
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        with _lines(title, total, unit) as advance:
            yield advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    began = time.monotonic()
    with Rich(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=total, unit=unit, rate="", note="")
        done = 0

        def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
            nonlocal total, done
            total, done = total + more, done + count
            rate = _rate(done, time.monotonic() - began, unit)
            shown.update(task, advance=count, total=total, rate=rate, note=note)

        yield advance


@contextmanager
def _lines(title: str, total: int, unit: str) -> Iterator[Advance]:
    began = said = time.monotonic()
    done = 0

    def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
        nonlocal total, done, said
        total, done, now = total + more, done + count, time.monotonic()
        if now - said >= LINE_SECONDS:
            said = now
            left = f"{(now - began) / done * (total - done):.0f} s left" if done else ""
            told = ", ".join(filter(None, [f"{done} of {total} {unit}", _rate(done, now - began, unit), left]))
            print(f"{title}: {told}  {note}", file=sys.stderr, flush=True)

    yield advance


@contextmanager
def beating(tell: Callable[[], object], seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """Within it, `tell` is called this often by a thread of its own, also while nothing is done."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(seconds):
            with suppress(RuntimeError):  # what it tells of changes while it looks: it is told the next time
                tell()

    thread = threading.Thread(target=beat, daemon=True, name="multiverse-beat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rate(done: int, seconds: float, unit: str) -> str:
    if seconds <= 0 or done == 0:
        return ""
    each = seconds / done
    return f"{1 / each:.1f} {unit}/s" if each < 1 else f"{each:.1f} s a {unit.removesuffix('s')}"
