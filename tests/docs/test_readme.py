"""README's first example runs as it stands, and its promises about links and commands hold."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from multiverse.engines.estimates import summarise
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.outcome import Outcome

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def made_up(engine, batch, given):
    """Draws around one and a half, in the place of those that NUTS would sample: its two programs compile for long."""
    outcomes = []
    for key in batch.keys:
        draws = np.random.default_rng(int(key[:8], 16)).normal(1.5, 0.4, (1, engine.chains, engine.draws))
        numbers = {name: float(values[0]) for name, values in summarise(draws).items()}
        kept = {"estimand/effect": draws[0].astype(np.float32)}
        outcomes.append(Outcome(key, draws=kept, estimates={"effect": numbers}, attempt=batch.attempt))
    return tuple(outcomes)


@pytest.fixture(scope="module", params=["made up", pytest.param("sampled", marks=pytest.mark.slow)])
def ran(request, tmp_path_factory):
    """The example, run as a file in a folder of its own; its variables and the folder."""
    folder = tmp_path_factory.mktemp("readme")
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    (folder / "example.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        if request.param == "made up":
            patch.setattr(NUTS, "fit", made_up)
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
