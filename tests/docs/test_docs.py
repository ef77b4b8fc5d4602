"""The pages of docs/ and the README run: their code, their commands, and the output they show.

A page is a notebook. Its ```python blocks run in order, in one namespace and an empty folder; the value of a last
line is printed, as in a notebook. Its ```console blocks run their `$ multiverse ...` lines, its ```sql blocks ask
`results.sql`. A ```text block is what the block above it printed. A ```python block with a `title` is a file, there
for all pages below docs/how-to too. Other blocks are for reading.

`python tests/docs/test_docs.py docs/tutorial.md` writes into a page what was seen, where that is not what it says.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import os
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
SLOW = {"choose-parameterizations.md"}  # programs of its own to compile, and a funnel to sample
NOT_NOTEBOOKS = {"schema.md"}  # test_schema.py asks its SQL of a store made for it

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_LOG = re.compile(r".*: \d+ of \d+ \w+, .* s left  .*")  # progress where there is no terminal: it tells the time
_NUMBER = re.compile(r"(?P<before>[^\d+-]*)(?P<number>[+-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?)(?P<after>\D*)")
RTOL, ATOL = 0.1, 0.05  # decimals shown may differ: another CPU gives other draws. Errors of the tutorial's are 0.02
RUN = {"python", "console"}
PERCENT = 3.0  # points: the same, for shares


class Block(NamedTuple):
    """A fenced block: its language, its title ("" if none), its text, where it starts, and where its text lies."""

    kind: str
    title: str
    text: str
    line: int
    span: tuple[int, int]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for fence in _FENCE.finditer(page):
        kind, _, rest = fence["info"].strip().partition(" ")
        title = _TITLE.search(rest)
        line = page.count("\n", 0, fence.start("body")) + 1
        found.append(Block(kind, title[1] if title else "", fence["body"], line, fence.span("body")))
    return found


class Notebook:
    """Runs the blocks of one page in the folder it is in."""

    def __init__(self, page: Path):
        self._page = page
        self._names: dict[str, Any] = {"__name__": f"page_{page.stem.replace('-', '_')}"}

    def run(self, block: Block) -> str | None:
        """What a block prints; None for one that is not run."""
        if block.kind == "python" and block.title:
            Path(block.title).write_text(block.text)
            return None
        if block.kind == "python":
            return self._python(block)
        if block.kind == "console" and self._page.name != "README.md":
            return "".join(map(self._command, re.findall(r"^\$ (.*)$", block.text, re.MULTILINE)))
        if block.kind == "sql" and "results" in self._names:
            return f"{self._names['results'].sql(block.text)}\n"
        return None

    def _python(self, block: Block) -> str:
        file = f"<{self._page.name}, line {block.line}>"
        linecache.cache[file] = (len(block.text), None, block.text.splitlines(keepends=True), file)
        tree = ast.parse(block.text, file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(tree, file, "exec"), self._names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), file, "eval"), self._names)
                if value is not None:
                    print(repr(value))
        return out.getvalue()

    def _command(self, line: str) -> str:
        from click.testing import CliRunner

        from multiverse.cli.main import main

        program, *words = shlex.split(line, comments=True)
        if program == "cd":
            os.chdir(words[0])
        if program != "multiverse":
            return ""
        ended = CliRunner().invoke(main, words, prog_name="multiverse")
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        shown = "".join(text for text in ended.output.splitlines(keepends=True) if not _LOG.fullmatch(text.rstrip("\n")))
        return f"$ {line}\n{shown}"


def alike(shown: str, seen: str) -> bool:
    """Whether output is as a page shows it. `...` stands for anything, decimals and percentages may differ a little."""
    return _match(shown.split(), seen.split())


def _match(shown: list[str], seen: list[str]) -> bool:
    for i, word in enumerate(shown):
        if word == "...":
            return any(_match(shown[i + 1 :], seen[j:]) for j in range(i, len(seen) + 1))
        if i >= len(seen) or not _same_word(word, seen[i]):
            return False
    return len(shown) == len(seen)


def _same_word(shown: str, seen: str) -> bool:
    if shown == seen:
        return True
    a, b = _NUMBER.fullmatch(shown), _NUMBER.fullmatch(seen)
    if not a or not b or (a["before"], a["after"]) != (b["before"], b["after"]):
        return False
    one, other = (float(found["number"].replace(",", "")) for found in (a, b))
    if a["after"].startswith("%"):
        return abs(one - other) <= PERCENT
    decimals = "." in a["number"] or "." in b["number"]
    return decimals and abs(one - other) <= ATOL + RTOL * max(abs(one), abs(other))


def notebooks() -> list[Path]:
    """The pages that hold something to run."""
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [
        page
        for page in pages
        if page.exists() and page.name not in NOT_NOTEBOOKS and {b.kind for b in blocks(page.read_text())} & RUN
    ]





@contextlib.contextmanager
def folder_for(page: Path, folder: Path) -> Iterator[None]:
    """Within it, this is the current folder, and how-to pages find the study of the tutorial and its data."""
    before, path, modules = Path.cwd(), list(sys.path), set(sys.modules)
    if page.parent.name == "how-to":
        for block in blocks(TUTORIAL.read_text()):
            if block.title:
                (folder / block.title).write_text(block.text)
        (folder / "sleep.csv").write_bytes((files("multiverse") / "template" / "sleep.csv").read_bytes())
    os.chdir(folder)
    sys.path.insert(0, "")
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(folder)):
                del sys.modules[name]


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=p.name, marks=[pytest.mark.slow] if p.name in SLOW else []) for p in notebooks()],
)
def test_the_page_runs_and_shows_what_is_seen(page: Path, tmp_path: Path) -> None:
    notebook, printed = Notebook(page), ""
    with folder_for(page, tmp_path):
        for block in blocks(page.read_text()):
            if block.kind == "text":
                assert alike(block.text, printed), f"{page.name}, line {block.line}: this was seen\n{printed}"
                continue
            seen = notebook.run(block)
            if block.kind == "console" and seen is not None:
                assert alike(block.text, seen), f"{page.name}, line {block.line}: this was seen\n{seen}"
            printed = seen if seen is not None else printed


def update(page: Path, folder: Path) -> int:
    """Write into the page what was seen where it shows something else; the number of blocks that changed."""
    text, notebook, printed = page.read_text(), Notebook(page), ""
    changes: list[tuple[tuple[int, int], str]] = []
    with folder_for(page, folder):
        for block in blocks(text):
            if block.kind == "text":
                seen: str | None = printed
            else:
                seen = notebook.run(block)
                printed = seen if seen is not None else printed
            if block.kind in ("text", "console") and seen is not None and not alike(block.text, seen):
                lines = (line.rstrip() for line in seen.rstrip().splitlines())
                changes.append((block.span, "\n".join(lines) + "\n"))
    for (start, end), seen in reversed(changes):
        text = text[:start] + seen + text[end:]
    page.write_text(text)
    return len(changes)


if __name__ == "__main__":
    import tempfile

    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            print(f"{name}: {update(Path(name).resolve(), Path(place).resolve())} blocks changed")
