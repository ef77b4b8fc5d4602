"""The KubeRay files are accepted, and slips in them are refused.

Three judges: Ray's autoscaler, which reads a RayCluster with the very function tried here; the schemas of Kubernetes
for the pod templates (package `kubernetes-validate`); and for the fields around these a schema of our own,
`kuberay_fields.yaml`, which says what it was written from.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.scripts.scripts import start

ROOT = Path(__file__).parents[2]
KUBERAY = ROOT / "deploy" / "kuberay"
FILES = ["raycluster.yaml", "rayjob.yaml"]
KUBERNETES = "1.32"  # the schemas of this version
START_OPTIONS = {option.removeprefix("--") for parameter in start.params for option in parameter.opts}

Document = dict[str, Any]


@cache
def fields() -> Document:
    """The schema of the fields around the pod templates."""
    return yaml.safe_load((Path(__file__).parent / "kuberay_fields.yaml").read_text())


def read(name: str) -> Document:
    """A file as KubeRay would get it: aliases are copies."""
    return copy.deepcopy(yaml.safe_load((KUBERAY / name).read_text()))


def cluster_of(document: Document) -> Document:
    """The cluster that a RayCluster is, or that a RayJob starts."""
    return document["spec"] if document["kind"] == "RayCluster" else document["spec"]["rayClusterSpec"]


def groups(document: Document) -> Iterator[Document]:
    """The head and the groups of workers."""
    cluster = cluster_of(document)
    yield cluster["headGroupSpec"]
    yield from cluster.get("workerGroupSpecs", [])


def complaints(document: Document) -> list[str]:
    """What the judges have against a file; nothing if they accept it."""
    found = [error.message for error in jsonschema.Draft202012Validator(fields()).iter_errors(document)]
    if found:
        return found
    for group in groups(document):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": group["template"].get("metadata", {})}
        try:
            kubernetes_validate.validate(pod | {"spec": group["template"]["spec"]}, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(str(error.message))
        unknown = set(group.get("rayStartParams", {})) - START_OPTIONS
        found += [f"`ray start` has no option --{option}" for option in unknown]
    try:
        metadata = {"name": document["metadata"]["name"], "namespace": "default"}
        _derive_autoscaling_config_from_ray_cr({"metadata": metadata, "spec": cluster_of(document)})
    except Exception as error:
        found.append(repr(error))
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_accepted(name: str) -> None:
    assert complaints(read(name)) == []


def _misspelt_field(document: Document) -> None:
    cluster = cluster_of(document)
    cluster["enableInTreeAutoscalling"] = cluster.pop("enableInTreeAutoscaling")


def _number_for_string(document: Document) -> None:
    cluster_of(document)["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0


def _unknown_mode(document: Document) -> None:
    cluster_of(document)["authOptions"]["mode"] = "secret"


def _unknown_start_option(document: Document) -> None:
    cluster_of(document)["headGroupSpec"]["rayStartParams"]["num-cpu"] = "0"


def _misspelt_pod_field(document: Document) -> None:
    pod = cluster_of(document)["workerGroupSpecs"][0]["template"]["spec"]
    pod["toleration"] = pod.pop("tolerations")


def _container_without_name(document: Document) -> None:
    del cluster_of(document)["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["name"]


def _environment_as_mapping(document: Document) -> None:
    container = cluster_of(document)["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]
    container["env"] = {"MULTIVERSE_CACHE": "/cache"}


def _group_without_cores(document: Document) -> None:
    container = cluster_of(document)["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": "16Gi"}}


def _group_without_template(document: Document) -> None:
    del cluster_of(document)["workerGroupSpecs"][0]["template"]


def _old_version(document: Document) -> None:
    document["apiVersion"] = "ray.io/v1alpha1"


SLIPS = {
    _misspelt_field: "enableInTreeAutoscalling",
    _number_for_string: "0 is not of type 'string'",
    _unknown_mode: "secret",
    _unknown_start_option: "no option --num-cpu",
    _misspelt_pod_field: "toleration",
    _container_without_name: "'name' is a required property",
    _environment_as_mapping: "is not of type 'array'",
    _group_without_cores: "failed to detect `CPU`",
    _group_without_template: "'template' is a required property",
    _old_version: "'ray.io/v1' was expected",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("spoil", SLIPS)
def test_a_slip_is_refused(name: str, spoil: Callable[[Document], None]) -> None:
    document = read(name)
    spoil(document)
    assert any(SLIPS[spoil] in complaint for complaint in complaints(document))


def test_fields_of_a_job_are_none_of_a_cluster() -> None:
    document = read("raycluster.yaml")
    document["spec"]["entrypoint"] = "multiverse run study.py"
    assert any("entrypoint" in complaint for complaint in complaints(document))


@pytest.mark.parametrize("name", FILES)
def test_the_head_fits_nothing_and_workers_have_whole_cores(name: str) -> None:
    head, *workers = groups(read(name))
    assert head["rayStartParams"]["num-cpus"] == "0"
    for group in workers:
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert int(container["resources"]["limits"]["cpu"]) >= 1


@pytest.mark.parametrize("name", FILES)
def test_ray_is_that_of_the_image(name: str) -> None:
    constraints = (ROOT / "deploy" / "containers" / "constraints.txt").read_text().splitlines()
    assert f"ray=={cluster_of(read(name))['rayVersion']}" in constraints
