"""The container image: its linter, the versions it keeps to, and what the build may see."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "deploy" / "containers"
DOCKERFILE = CONTAINERS / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def lint(text: str) -> str:
    """What hadolint says about a Dockerfile."""
    return subprocess.run([HADOLINT, "-"], input=text, capture_output=True, text=True, check=False).stdout


def test_the_linter_has_nothing_to_say() -> None:
    assert lint(DOCKERFILE.read_text()) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("USER 1000", "USER root", "DL3002"),
        ("python:3.11-slim-bookworm", "python:latest", "DL3007"),
        ("--no-install-recommends ", "", "DL3015"),
        ("WORKDIR /opt/multiverse", "WORKDIR opt/multiverse", "DL3000"),
        ("RUN pip install", "RUN pip instal &&", "SC2215"),
        ('CMD ["multiverse", "--help"]', "CMND multiverse", "unexpected"),
    ],
)
def test_the_linter_finds_a_planted_slip(right: str, wrong: str, rule: str) -> None:
    text = DOCKERFILE.read_text()
    assert right in text
    spoilt = subprocess.run(
        [HADOLINT, "-"], input=text.replace(right, wrong), capture_output=True, text=True, check=False
    )
    assert spoilt.returncode != 0 and rule in spoilt.stdout + spoilt.stderr


def _pins() -> dict[str, str]:
    lines = (CONTAINERS / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def _required() -> list[Requirement]:
    """What the package and the extras of the image ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["ray"] + project["optional-dependencies"]["s3"]
    return [Requirement(text) for text in texts]


def test_every_package_that_we_ask_for_is_pinned_to_a_version_that_we_allow() -> None:
    pins = _pins()
    for requirement in _required():
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_the_build_sees_what_it_copies() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    allowed = (CONTAINERS / "Dockerfile.dockerignore").read_text().splitlines()
    assert sources == {line.removeprefix("!") for line in allowed if line.startswith("!")}
    for source in sources:
        assert (ROOT / source).exists(), source


@pytest.mark.slow
@pytest.mark.parametrize("jax", ["jax", "jax[cuda12]", "jax[cuda13]"])
def test_the_packages_of_the_image_can_be_had_together(jax: str, tmp_path: Path) -> None:
    """pip finds one version of each, without installing any: the build's own command, on this Python."""
    (line,) = re.findall(r"pip install [^&\\]+", DOCKERFILE.read_text())
    wanted = line.replace("$JAX", jax).replace("$MORE", "").replace('"', "").split()[2:]
    wanted.remove("--no-cache-dir")
    texts = [str(requirement) for requirement in _required()]
    packages = [text for text in wanted if not text.startswith((".", "--", "constraints"))] + texts
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    told = subprocess.run(
        [*command, "--constraint", str(CONTAINERS / "constraints.txt"), *packages],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stderr
