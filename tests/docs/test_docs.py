"""The pages of docs/ run: their code, their commands, and the output they show.

A page is a notebook. Its ```python blocks run in order, in one namespace and an empty folder; the value of a last
line is printed. A block with a `title` is a file; those of the tutorial, and its data, are there for all
how-to pages. ```console blocks run their `$ multiverse ...` and `$ cd ...` lines, ```sql blocks ask `results`. A
```text block shows what the block above it printed: `...` stands for anything, decimals and percentages may differ a
little; in ```text about, all numbers may. Blocks of other kinds are for reading.

`python tests/docs/test_docs.py docs/tutorial.md` writes into a page what was seen, where the page does not show it.
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
SLOW = {  # they sample long, programs that no other page has, or again what was sampled
    "add-an-estimand-later.md",
    "answer-new-data.md",
    "answer-red-universes.md",
    "archive-a-store.md",
    "check-calibration.md",
    "choose-parameterizations.md",
    "compare-models-by-evidence.md",
    "compare-runs.md",
    "drop-rows-without-new-programs.md",
    "find-what-moves-the-answer.md",
    "keep-a-large-store-fast.md",
    "keep-a-store-elsewhere.md",
    "keep-draws-and-open-them.md",
    "let-auto-choose.md",
    "lint-a-study.md",
    "mend-a-damaged-store.md",
    "put-the-figure-in-a-paper.md",
    "query-with-sql.md",
    "rerun-and-verify.md",
    "resume-a-sweep.md",
    "run-a-part-of-a-space.md",
    "see-what-the-prior-does.md",
    "studies-that-only-simulate.md",
    "train-a-network.md",
    "tutorial.md",
    "twenty-queries.md",
    "use-an-accelerator-or-float64.md",
    "use-the-laplace-engine.md",
    "use-the-nested-engine.md",
    "use-the-reweight-engine.md",
    "watch-a-run.md",
    "when-universes-fail.md",
}

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
LOG = re.compile(r"[\w ]+: \d+ of \d+ \w+, .* s left(  .*)?")  # progress where there is no terminal: it tells the time
NUMBER = re.compile(r"(?P<before>[^\d+-]*)(?P<number>[+-]?\d+(,\d{3})*(\.\d+)?(e[+-]?\d+)?)(?P<after>\D*)")
RTOL, ATOL = 0.1, 0.05  # another kind of CPU gives other draws; Monte Carlo errors of the estimates shown are 0.01
PERCENT = 6.0  # points: the same, for shares; over three seeds those of the tutorial differed by 4


class Block(NamedTuple):
    """A fenced block: what it is, its title ("" if none), its text, the line it starts on, where its text lies."""

    kind: str
    title: str
    text: str
    line: int
    span: tuple[int, int]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for fence in FENCE.finditer(page):
        title = TITLE.search(fence["info"])
        kind = TITLE.sub("", fence["info"]).strip()
        line = page.count("\n", 0, fence.start("text")) + 1
        found.append(Block(kind, title[1] if title else "", fence["text"], line, fence.span("text")))
    return found


def runs(page: Path) -> bool:
    """Whether a page holds something to run."""
    return any(block.kind in ("python", "console") for block in blocks(page.read_text()))


class Notebook:
    """Runs the blocks of one page in the current folder."""

    def __init__(self, page: Path):
        self._page = page
        self._names: dict[str, Any] = {"__name__": f"page_{page.stem.replace('-', '_')}"}

    def run(self, block: Block) -> str | None:
        """What a block prints; None for one that is not run."""
        if block.title:
            Path(block.title).write_text(block.text)
            return None
        if block.kind == "python":
            return self._python(block)
        if block.kind == "console":
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
        seen = ""
        if program == "cd":
            os.chdir(words[0])
        if program == "multiverse":
            ended = CliRunner().invoke(main, words, prog_name="multiverse")
            if ended.exception is not None and not isinstance(ended.exception, SystemExit):
                raise ended.exception
            seen = "".join(text for text in ended.output.splitlines(keepends=True) if not LOG.fullmatch(text.rstrip()))
        return f"$ {line}\n{seen}"


def alike(block: Block, seen: str) -> bool:
    """Whether the output is as the block shows it."""
    return _match(block.text.split(), seen.split(), about=block.kind == "text about")


def _match(shown: list[str], seen: list[str], *, about: bool) -> bool:
    for i, word in enumerate(shown):
        if word == "...":
            return any(_match(shown[i + 1 :], seen[j:], about=about) for j in range(i, len(seen) + 1))
        if i >= len(seen) or not _same_word(word, seen[i], about):
            return False
    return len(shown) == len(seen)


def _same_word(shown: str, seen: str, about: bool) -> bool:
    if shown == seen:
        return True
    a, b = (NUMBER.fullmatch(word.replace("\N{MINUS SIGN}", "-")) for word in (shown, seen))
    if not a or not b or a["after"] != b["after"]:
        return False
    one, other = (float(found["number"].replace(",", "")) for found in (a, b))
    if a["after"].startswith("%") and not a["before"].strip("<>") + b["before"].strip("<>"):  # <1%, >99%
        return about or abs(one - other) <= PERCENT
    if a["before"] != b["before"]:
        return False
    decimals = "." in a["number"] or "." in b["number"]
    return about or (decimals and abs(one - other) <= ATOL + RTOL * max(abs(one), abs(other)))


@contextlib.contextmanager
def folder_for(page: Path, folder: Path) -> Iterator[None]:
    """Within it, this is the current folder; what is imported from it is forgotten afterwards."""
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


def read(page: Path, folder: Path) -> Iterator[tuple[Block, str]]:
    """Each block that shows output, with the output that was seen; runs the page on the way."""
    notebook, printed = Notebook(page), ""
    with folder_for(page, folder):
        for block in blocks(page.read_text()):
            if block.kind.startswith("text"):
                yield block, printed
                continue
            seen = notebook.run(block)
            if block.kind == "console" and seen is not None:
                yield block, seen
            printed = seen if seen is not None else printed


PAGES = [page for page in sorted(DOCS.rglob("*.md")) if runs(page)]


@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.name, marks=[pytest.mark.slow] if p.name in SLOW else []) for p in PAGES]
)
def test_the_page_runs_and_shows_what_is_seen(page: Path, tmp_path: Path) -> None:
    for block, seen in read(page, tmp_path):
        shown = f"{page.relative_to(ROOT)}, line {block.line}, shows something else than was seen:\n{seen}"
        assert alike(block, seen), f"{shown}\n`python {Path(__file__).relative_to(ROOT)} PAGE` writes it into the page"


def test_output_may_differ_in_draws_and_in_nothing_else() -> None:
    def shows(text: str, seen: str, kind: str = "text") -> bool:
        return alike(Block(kind, "", text, 1, (0, 0)), seen)

    assert shows("mean  1.59 (24 of 24)\n", "mean 1.6 (24 of 24)")
    assert shows("about ... on 2 workers", "about 13 s on 2 workers")
    assert shows("42% of it; 0.76,", "44% of it; 0.75,")
    assert shows("spread 0% 100% 5.63e\N{MINUS SIGN}5", "spread <1% >99% 0.000119")
    assert not shows("24 of 24", "23 of 24")
    assert not shows("1.59", "1.9")
    assert not shows("42%", "50%")
    assert not shows("a b", "a b c")
    assert shows("ESS is 145, below", "ESS is 90.1, below", "text about")
    assert not shows("ESS is 145, below", "ESS is 90.1, above", "text about")


def update(page: Path, folder: Path) -> int:
    """Write into the page what was seen where it shows something else; the number of blocks that changed."""
    changes = [(block.span, seen) for block, seen in read(page, folder) if not alike(block, seen)]
    text = page.read_text()
    for (start, end), seen in reversed(changes):
        lines = (line.rstrip() for line in seen.rstrip().splitlines())
        text = text[:start] + "\n".join(lines) + "\n" + text[end:]
    page.write_text(text)
    return len(changes)


if __name__ == "__main__":
    import tempfile

    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            print(f"{name}: {update(Path(name).resolve(), Path(place).resolve())} blocks changed")
