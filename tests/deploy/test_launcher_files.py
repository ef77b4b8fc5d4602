"""Files for Ray's cluster launcher are accepted by Ray's own validator, and slips in them are refused.

`prepare_config` and `validate_config` are what `ray up` calls first. What the validator passes on to Amazon unread, the
description of a machine, is checked against the parameters of EC2's `RunInstances` as botocore knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import start

CLOUD = Path(__file__).parents[2] / "deploy" / "cloud"
FILES = ["aws.yaml", "gcp.yaml"]
START_OPTIONS = {option for parameter in start.params for option in parameter.opts}

Document = dict[str, Any]


def read(name: str) -> Document:
    document: Document = yaml.safe_load((CLOUD / name).read_text())
    return document


def prepared(document: Document) -> Document:
    """The file with Ray's defaults filled in, checked; raises what `ray up` would raise."""
    whole: Document = prepare_config(document)
    validate_config(whole)
    return whole


@cache
def run_instances() -> Any:
    """The parameters of EC2's RunInstances."""
    return botocore.session.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape


def refused_by_amazon(machine: Document) -> str:
    """What is wrong with the description of a machine; empty if nothing is."""
    call = machine | {"MinCount": 1, "MaxCount": 1}
    report: str = botocore.validate.ParamValidator().validate(call, run_instances()).generate_report()
    return report


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_accepted(name: str) -> None:
    prepared(read(name))


@pytest.mark.parametrize("name", FILES)
def test_ray_brings_no_setup_of_its_own(name: str) -> None:
    """Its defaults install a Ray of another version where `setup_commands` is left out."""
    whole = prepared(read(name))
    commands = [command for key, value in whole.items() if key.endswith("_commands") for command in value]
    assert commands and not [command for command in commands if "wheels" in command]


@pytest.mark.parametrize("name", FILES)
def test_ray_start_knows_the_options(name: str) -> None:
    whole = read(name)
    for command in whole["head_start_ray_commands"] + whole["worker_start_ray_commands"]:
        assert set(re.findall(r"--[a-z][a-z-]*", command)) <= START_OPTIONS


def test_amazon_knows_the_machines() -> None:
    for kind in read("aws.yaml")["available_node_types"].values():
        assert refused_by_amazon(kind["node_config"]) == ""


def _misspelt_field(document: Document) -> None:
    document["max_worker"] = document.pop("max_workers")


def _text_for_number(document: Document) -> None:
    document["idle_timeout_minutes"] = "five"


def _head_of_no_kind(document: Document) -> None:
    document["head_node_type"] = "heads"


def _command_for_commands(document: Document) -> None:
    document["initialization_commands"] = "docker ps"


def _misspelt_docker_field(document: Document) -> None:
    document["docker"]["images"] = document["docker"].pop("image")


def _more_started_than_allowed(document: Document) -> None:
    document["available_node_types"]["spot"]["min_workers"] = 17


SLIPS = {
    _misspelt_field: "max_worker",
    _text_for_number: "'five' is not of type 'number'",
    _head_of_no_kind: "head_node_type",
    _command_for_commands: "'docker ps' is not of type 'array'",
    _misspelt_docker_field: "image",
    _more_started_than_allowed: "max_workers",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("spoil", SLIPS)
def test_a_slip_is_refused(name: str, spoil: Callable[[Document], None]) -> None:
    document = read(name)
    spoil(document)
    with pytest.raises(Exception, match=SLIPS[spoil]):
        prepared(document)


def test_amazon_refuses_a_misspelt_machine() -> None:
    machine = read("aws.yaml")["available_node_types"]["spot"]["node_config"]
    machine["InstanceMarketOptions"] = {"MarketTyp": "spot"}
    assert "MarketTyp" in refused_by_amazon(machine)
