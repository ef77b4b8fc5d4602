"""Ctrl-C during a sweep: say that nothing is lost and how to go on, and be gone at once."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import click

STOPPED: Final = 130  # the exit code of what Ctrl-C ended, as shells say it: 128 + SIGINT
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it, and does not live to show it again


@contextmanager
def goes_at_once(message: Callable[[], str]) -> Iterator[None]:
    """Within it, Ctrl-C writes the message to stderr and ends this process, whatever its threads are doing.

    Threads inside XLA cannot be interrupted and need not be waited for: what they have not published is lost either
    way, and what is published is whole. Does nothing outside the main thread, or where Ctrl-C is ignored.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return

    def stop(_: int, __: FrameType | None) -> None:
        # os.write: the interrupted thread may be in the middle of a write of its own
        cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
        os.write(2, f"{cursor}\n{message()}\n".encode())
        os._exit(STOPPED)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def this_command(without: str = "") -> str:
    """The command line of this process, to paste again; without an option and its value, where one is named."""
    context = click.get_current_context()
    name = context.find_root().info_name or "multiverse"
    words, said = sys.argv[1:], [name]
    for i, word in enumerate(words):
        if not without or not (word.startswith(f"{without}=") or without in (word, *words[max(i - 1, 0) : i])):
            said.append(shlex.quote(word))
    return " ".join(said)
