"""The pages of cases: each row names a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGES = {"cases.md": 75, "data/cases.md": 60, "runs/cases.md": 40}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_of_cases_names_tests_that_there_are(page: str) -> None:
    lines = (TESTS / page).read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|") and line.strip("|- ")]
    rows = [line for line in rows if not line.startswith("| given |")]
    assert len(rows) > PAGES[page]
    for row in rows:
        named = re.fullmatch(r"\|[^|]+\|[^|]+\| `(\S+?)::(\w+)` \|", row)
        assert named, row
        file, name = named.groups()
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8"), f"{file}::{name}"
