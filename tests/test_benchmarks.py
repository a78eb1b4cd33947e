"""The bench does not flatter: it waits for an idle machine, and says what became slower."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.fixture
def bench(root, monkeypatch):
    folder = root / "benchmarks"
    if not folder.is_dir():
        pytest.skip("needs the benchmarks of the checkout")
    monkeypatch.syspath_prepend(str(folder))
    for name in ("contest", "run"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("run"), importlib.import_module("contest")


def found(ours, peer):
    return {
        "title": "step: images/s",
        "figure": "images/s",
        "reference": "peer",
        "rounds": {"kssl": ours, "peer": peer},
        "memory": {"kssl": 10.0, "peer": 20.0},
        "machine": {"processor": "two cores"},
        "day": "2026-01-01",
    }


def test_a_busy_machine_ends_the_bench_with_a_word(bench, monkeypatch):
    _, contest = bench
    monkeypatch.setattr(contest.psutil, "cpu_percent", lambda interval: 40.0)
    with pytest.raises(SystemExit, match="not idle: others use 40% of the processor"):
        contest.wait_until_idle(patience=0.0)


def test_a_machine_that_computes_more_slowly_than_before_is_not_idle(bench, monkeypatch):
    _, contest = bench
    monkeypatch.setattr(contest.psutil, "cpu_percent", lambda interval: 0.0)
    lengths = iter([1.0, 2.0])
    monkeypatch.setattr(contest, "_products", lambda: next(lengths))
    contest.wait_until_idle(patience=0.0)
    with pytest.raises(SystemExit, match=r"takes 2\.00 of its best time"):
        contest.wait_until_idle(patience=0.0)


def test_a_ratio_that_fell_by_more_than_a_tenth_is_named(bench):
    run, _ = bench
    before = found([100.0, 110.0, 90.0], [100.0])
    assert run.fallen(before, found([91.0], [100.0])) == []
    assert run.fallen(before, found([180.0], [200.0])) == []  # a slower or faster machine
    assert run.fallen(before, found([85.0], [100.0])) == ["kssl 0.85 of peer, 1.00 before"]
    assert run.fallen(None, found([1.0], [100.0])) == []


def test_the_page_has_median_range_ratio_memory_and_machine(bench):
    run, _ = bench
    page = run.markdown([found([3.0, 1.0, 2.0], [4.0])])
    assert "| kssl | 2.0 | 1.0 to 3.0, 3 rounds | 0.50 | 10 |" in page
    assert "Machine 1: processor two cores." in page
    assert "| step | kssl | peer | 0.50 | 10 and 20 |" in page


def test_the_fastest_peer_is_the_reference(bench, capsys):
    _, contest = bench
    figures = {
        name: {"images/s": [value], contest.MEMORY: [1.0]}
        for name, value in {"kssl": 6.0, "slow": 1.0, "fast": 4.0}.items()
    }
    contest.table("step", "images/s", figures, ["slow", "fast", "not installed"])
    assert "1.50 x fast" in capsys.readouterr().out


def test_a_step_is_timed_by_both_clocks(bench):
    _, contest = bench
    calls = []
    figures = contest.pace(lambda: calls.append(sum(range(20_000))), 4, "images", 3, 2)
    assert len(calls) == 5 and figures.keys() == {"images/s", "images/CPU s"}
    assert all(value > 0 for value in figures.values())
