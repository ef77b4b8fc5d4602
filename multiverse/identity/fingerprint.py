"""Fingerprints: who a value is, the same in every process, on every machine, in every supported Python.

Values and arrays count by content, distributions by class and leaves, installed callables by qualified name, the
user's own functions by what their source means and all they refer to. docs/adr/0003-keys.md says why.
"""

from __future__ import annotations

from typing import Any

from multiverse.errors import FingerprintError
from multiverse.identity.arrays import arrays
from multiverse.identity.callables import classes, functions, modules, named, wrappers
from multiverse.identity.describe import describe as describe
from multiverse.identity.distributions import distributions
from multiverse.identity.graph import digest
from multiverse.identity.plain import containers, instances, refused, standard
from multiverse.identity.tables import labelled, tables
from multiverse.identity.walk import Walk

# The first that takes a value decides; `instances` takes all. `named` comes before `refused` and `instances`, since a
# name says more than a state, and after the cheap and frequent ones.
KINDS = (
    containers,
    arrays,
    functions,
    classes,
    standard,
    distributions,
    tables,
    labelled,
    modules,
    named,
    wrappers,
    refused,
    instances,
)


def fingerprint(value: Any, *, name: str = "") -> str:
    """32 hex characters that are equal for equal values, whatever the process, and differ for different ones.

    name: what to call the value in messages; by default its own name.
    Raises FingerprintError with every part that has no stable identity, where it was found, and the mend.
    """
    walk = Walk(KINDS, name or str(getattr(value, "__name__", "this value")))
    root = walk.part(value)
    if walk.problems:
        raise FingerprintError(walk.problems)
    return digest(root).hex()[:32]
