"""The pages of deploy/: their commands parse, and the files and options that they name exist.

Commands are read as a shell would; each option of `multiverse` and of `ray` is looked up in the command itself.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from ray.scripts.scripts import cli as ray

from multiverse.cli.main import main as multiverse

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = [*sorted(DEPLOY.glob("**/README.md")), ROOT / "docs" / "how-to" / "run-on-a-cluster.md"]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
COMMANDS = {"multiverse": multiverse, "ray": ray}
SEPARATORS = {"|", "||", "&&", "&", ";", ">", ">>", "2>&1"}

named = pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")


def shell_blocks(page: Path) -> list[str]:
    """The blocks of a page that are for a shell."""
    return [text for kind, text in FENCE.findall(page.read_text()) if kind in ("sh", "bash", "console")]


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a shell text, as words, those inside quotes too."""
    for line in text.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), ";"]:
            if word.endswith(";") and word != ";":
                words.append(word[:-1])
                word = ";"
            if word in SEPARATORS:
                yield words
                words = []
            else:
                words.append(word)
                if " " in word and not word.startswith("select"):
                    yield from commands(word)


def called(words: list[str]) -> Iterator[tuple[click.Command, list[str]]]:
    """The commands of ours and of Ray that stand in some words, with what they are given."""
    for place, word in enumerate(words):
        group = COMMANDS.get(Path(word).name)
        after = words[place + 1 :]
        if group is not None and after and isinstance(group, click.Group) and after[0] in group.commands:
            yield group.commands[after[0]], after[1:]


def unknown_options(text: str) -> list[str]:
    """The options in a shell text that the commands of ours and of Ray do not have."""
    found = []
    for words in commands(text):
        for command, given in called(words):
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            typed = [word.partition("=")[0] for word in given if re.match(r"--?[a-z]", word)]
            found += [f"{command.name} {word}" for word in typed if word not in options | {"--help"}]
    return found


@named
def test_commands_parse(page: Path) -> None:
    for text in shell_blocks(page):
        told = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (told.returncode, told.stderr) == (0, ""), text


@named
def test_options_exist(page: Path) -> None:
    for text in shell_blocks(page):
        assert unknown_options(text) == []


@named
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@named
def test_files_in_commands_exist(page: Path) -> None:
    for text in shell_blocks(page):
        for path in re.findall(r"deploy/[\w./*-]+", text):
            assert list(ROOT.glob(path)), path
        for script in re.findall(r"\bsbatch\b[^\n]*?([\w-]+\.sbatch)", text):
            assert (DEPLOY / "slurm" / script).exists(), script


def test_the_entry_point_of_the_job_and_the_scripts_name_options_that_exist() -> None:
    job = yaml.safe_load((DEPLOY / "kuberay" / "rayjob.yaml").read_text())
    assert "multiverse run" in job["spec"]["entrypoint"]
    assert unknown_options(job["spec"]["entrypoint"]) == []
    for script in DEPLOY.glob("*/*.sbatch"):
        lines = re.findall(r"^ *(multiverse run .*)$", script.read_text(), re.MULTILINE)
        assert len(lines) == 1 and unknown_options(lines[0]) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("multiverse run study.py --executer ray", ["run --executer"]),
        ("~/mv/bin/multiverse status --jsn runs/x | head", ["status --jsn"]),
        ("kubectl exec -it head -- multiverse run study.py \\\n  --worker 8", ["run --worker"]),
        ("ray exec file.yaml 'nohup multiverse run s.py --adress auto > log 2>&1 &'", ["run --adress"]),
        ("ray start --head --ports=1", ["start --ports"]),
        ('multiverse sql runs/x "select 1 - -2"', []),
    ],
)
def test_slips_are_found(text: str, found: list[str]) -> None:
    assert unknown_options(text) == found


def test_every_folder_has_a_page_and_the_first_page_names_it() -> None:
    first = (DEPLOY / "README.md").read_text()
    for folder in (path for path in DEPLOY.iterdir() if path.is_dir()):
        assert (folder / "README.md").exists() and f"({folder.name}/README.md)" in first
