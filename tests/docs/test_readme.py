"""README's first example runs as it stands, and its promises about links and commands hold."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The example, run as a file in a folder of its own; its variables and the folder."""
    folder = tmp_path_factory.mktemp("readme")
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    (folder / "example.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield runpy.run_path("example.py"), folder


def test_example_answers_every_universe(ran):
    variables, _ = ran
    assert len(variables["plan"]) == 12 and len(variables["plan"].programs) == 2
    status = variables["results"].status()
    assert status["planned"] == status["answered"] == 12


def test_example_leaves_figure_data_and_caption(ran):
    _, folder = ran
    assert {"sleep.pdf", "sleep.data.csv", "sleep.caption.txt"} <= {path.name for path in folder.iterdir()}
    assert (folder / "sleep.pdf").read_bytes().startswith(b"%PDF")


def test_links_lead_somewhere():
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", README) if not t.startswith("http")]
    assert [t for t in targets if not (ROOT / t.split("#")[0]).exists()] == []


def test_commands_are_make_targets():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^\$ make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
