"""What importing multiverse tells XLA's CPU compiler, and when it keeps out of the way."""

from __future__ import annotations

import os

import pytest

from multiverse import arithmetic


@pytest.mark.parametrize(
    ("machine", "before", "after"),
    [
        ("x86_64", None, "--xla_cpu_max_isa=AVX"),
        ("AMD64", "", "--xla_cpu_max_isa=AVX"),
        ("x86_64", "--xla_dump_to=/tmp/x", "--xla_dump_to=/tmp/x --xla_cpu_max_isa=AVX"),
        ("x86_64", "--xla_cpu_max_isa=AVX512", "--xla_cpu_max_isa=AVX512"),
        ("x86_64", "--xla_cpu_max_isa=AVX", "--xla_cpu_max_isa=AVX"),
        ("arm64", None, None),
    ],
)
def test_flags_are_added_once_and_never_replaced(
    monkeypatch: pytest.MonkeyPatch, machine: str, before: str | None, after: str | None
) -> None:
    monkeypatch.setattr(arithmetic.platform, "machine", lambda: machine)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if before is not None:
        monkeypatch.setenv("XLA_FLAGS", before)
    for _ in range(2):
        arithmetic.forgo_fused_arithmetic()
        assert os.environ.get("XLA_FLAGS") == after
