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


@pytest.mark.parametrize(
    ("jaxlib", "before", "after"),
    [
        ("0.10.2", None, "--xla_cpu_experimental_ynn_fusion_type=-LIBRARY_FUSION_TYPE_REDUCE"),
        ("0.10.2", "--a=1", "--a=1 --xla_cpu_experimental_ynn_fusion_type=-LIBRARY_FUSION_TYPE_REDUCE"),
        ("0.10.2", "--xla_cpu_experimental_ynn_fusion_type=", "--xla_cpu_experimental_ynn_fusion_type="),
        ("0.10.1", None, None),
        ("", "--a=1", "--a=1"),
    ],
)
def test_wrong_sums_are_forgone_where_jaxlib_has_them(
    monkeypatch: pytest.MonkeyPatch, jaxlib: str, before: str | None, after: str | None
) -> None:
    monkeypatch.setattr(arithmetic, "_jaxlib", lambda: jaxlib)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if before is not None:
        monkeypatch.setenv("XLA_FLAGS", before)
    for _ in range(2):
        arithmetic.forgo_wrong_sums()
        assert os.environ.get("XLA_FLAGS") == after


def test_sums_are_right_in_this_process() -> None:
    assert arithmetic.sums_are_right()


def test_a_plan_is_refused_where_sums_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    import multiverse as mv
    from multiverse.planning import build

    monkeypatch.setattr(build, "sums_are_right", lambda: False)
    study = mv.Study("sum", data=[1.0, 2.0], estimate=lambda data: sum(data))
    with pytest.raises(mv.MultiverseError, match="compiled sums are wrong"):
        mv.plan(study)
