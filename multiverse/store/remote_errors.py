"""What a far place, or fsspec on the way to it, complains of: as what is wrong, what was expected, and the mend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from multiverse.errors import MultiverseError, Problem, StoreError, near_miss

_S3: Final = (
    "aws configure\n    (or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; AWS_ENDPOINT_URL for a server of your own)"
)
_GCS: Final = "gcloud auth application-default login"
_AZURE: Final = "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING"
# How to log in to the places that most people use; fsspec takes the same as options.
_LOGIN: Final[Mapping[str, str]] = MappingProxyType(
    {"s3": _S3, "s3a": _S3, "gs": _GCS, "gcs": _GCS, "az": _AZURE, "abfs": _AZURE, "abfss": _AZURE}
)
_NO_BUCKET: Final = re.compile(r"specified (bucket|container) does not exist", re.IGNORECASE)


def protocol_of(url: str) -> str:
    """`s3` of `s3://bucket/radon`."""
    return url.partition("://")[0].rpartition("::")[2]


@contextmanager
def explained(url: str, what: str, mend: str = "", *, may_lack: bool = False) -> Iterator[None]:
    """Turn whatever a place's library raises into a StoreError; each has exceptions of its own, so all are caught.

    what: what could not be done, as in "the part 'a' cannot be read". may_lack: let FileNotFoundError out, unless it
    says that there is no such bucket: who asked knows what it means.
    """
    try:
        yield
    except (MultiverseError, MemoryError):
        raise
    except Exception as error:
        if may_lack and isinstance(error, FileNotFoundError) and not _says_no_bucket(error):
            raise
        raise StoreError(_problem(url, what, mend, error)) from error


def _says_no_bucket(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError) and _NO_BUCKET.search(str(error)) is not None


def _problem(url: str, what: str, mend: str, error: Exception) -> Problem:
    protocol, said = protocol_of(url), f"{type(error).__name__}: {error}"
    bucket = url.partition("://")[2].partition("/")[0]
    if isinstance(error, ImportError):
        return Problem(
            f"{url}: the package that knows {protocol}:// is not installed ({error})",
            "fsspec's package for this kind of place",
            'pip install "multiverse[s3]"' if protocol in ("s3", "s3a") else _install(error),
        )
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return _unknown(url, protocol)
    if _says_no_bucket(error):
        make = f"aws s3 mb s3://{bucket}" if protocol in ("s3", "s3a") else "Make it first"
        return Problem(f"{url}: there is no bucket {bucket!r}", "a bucket that is there", f"{make}, or name another.")
    if "credential" in said.lower():
        return Problem(
            f"{url}: {what}, for want of credentials ({said})",
            "credentials where its library looks for them",
            f"{_login(protocol)}\n    A public place needs none: mv.open_store({url!r}, anon=True)",
        )
    if isinstance(error, PermissionError):
        return Problem(
            f"{url}: {what}: permission denied ({error})",
            "credentials that may list, read and write there",
            f"Ask who owns {bucket!r} for these rights, or log in as somebody else: {_login(protocol)}",
        )
    return Problem(
        f"{url}: {what} ({said})",
        "a place that can be reached, at an address and with options that are right",
        mend or "Check the address and the connection, then give the same command again.",
    )


def _unknown(url: str, protocol: str) -> Problem:
    from fsspec import available_protocols

    near = near_miss(protocol, available_protocols())
    return Problem(
        f"{url}: nothing knows the protocol {protocol!r}",
        "a path, or an address that fsspec knows, such as s3://, gs:// or az://",
        f"{near}Write s3://bucket/radon, or a path: runs/radon.",
    )


def _install(error: ImportError) -> str:
    """The `pip install gcsfs` of fsspec's `Please install gcsfs to access Google Storage`."""
    named = re.search(r"install ([\w.-]+)", str(error), re.IGNORECASE)
    return f"pip install {named[1]}" if named else "Install the package it names."


def _login(protocol: str) -> str:
    return _LOGIN.get(protocol, f"see fsspec's documentation of {protocol}://")
