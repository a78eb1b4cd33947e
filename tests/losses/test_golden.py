"""Every reference value that a loss covers, through the same table as `python tests/golden.py`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).resolve().parent.parent))
        return importlib.import_module("golden")


def test_reference_values(runner: ModuleType, golden: dict[str, dict]) -> None:
    reports = runner.check(golden)
    assert [line for report in reports.values() for line in report.failed] == []
    assert sum(report.passed for report in reports.values()) >= 180
    assert set(runner.CALLS) <= set(reports)


CASE = {
    "function": "triplet_semi_hard",
    "inputs": {"embeddings": [[0.0], [1.0], [3.0]], "labels": [0, 0, 1]},
    "params": {"margin": 4.0, "squared": False, "normalize": False},
    "expected": {"mean": 2.5, "pairs": [[0, 1], [1, 0]]},
}


@pytest.mark.parametrize(
    ("case", "code", "printed"),
    [
        (CASE, 0, "triplet_semi_hard              1/1 passed; not computed: pairs"),
        ({**CASE, "expected": {"mean": 2.6}}, 1, "FAILED one: mean: off by 0.1"),
        ({**CASE, "params": {}}, 1, "FAILED one: KeyError"),
        ({**CASE, "function": "of_tomorrow"}, 0, "of_tomorrow                    not there yet"),
    ],
)
def test_the_runner_says_what_passed(
    runner: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    case: dict,
    code: int,
    printed: str,
) -> None:
    import json

    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"one": case}))
    assert runner.main(str(file)) == code
    assert printed in capsys.readouterr().out
