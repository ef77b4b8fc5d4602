"""Places for stores: S3 as a server on this machine, and fsspec's memory."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiverse.store.contract import Store
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.store.place import open_store

BUCKET = "multiverse-tests"
PLACES = ("folder", "memory", "memory://", "s3")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server that speaks S3, with one bucket in it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        _log_in(patch, f"http://{host}:{port}")
        import boto3

        boto3.client("s3").create_bucket(Bucket=BUCKET)
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new address in S3. Who asks for it is logged in, as people are: by environment variables."""
    _log_in(monkeypatch, s3_server)
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture
def in_memory() -> Iterator[str]:
    """A new address in the memory of this process."""
    import fsspec

    address = f"memory://{uuid.uuid4().hex}"
    yield address
    files, path = fsspec.url_to_fs(address)
    if files.exists(path):
        files.rm(path, recursive=True)


@pytest.fixture(params=PLACES)
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A new, empty store at each kind of place."""
    if request.param == "folder":
        return FolderStore(tmp_path / "any")
    if request.param == "memory":
        return MemoryStore()
    return open_store(request.getfixturevalue("s3" if request.param == "s3" else "in_memory"))


def _log_in(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Nothing that the machine knows of the real S3 is looked at."""
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(file, "/nowhere")
