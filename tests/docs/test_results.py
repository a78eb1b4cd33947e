"""The results page and the pages of methods: numbers that are recorded, nothing left out."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import kssl.recipe
from kssl import plugins

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
RESULTS = tomllib.loads((DOCS / "results.toml").read_text(encoding="utf-8"))
METHODS = sorted(path.name for path in (DOCS / "methods").glob("*.md"))
NUMBERS = ("model", "untrained", "scratch", "simple")


@pytest.mark.parametrize("name", RESULTS)
def test_each_number_stands_in_the_head_comment_of_its_recipe(name: str, hooks: Any) -> None:
    _, _, measured = hooks.read_head(kssl.recipe.locate(name).read_text(encoding="utf-8"))
    known = set(re.findall(r"\d+(?:\.\d+)?", measured))
    for row in RESULTS[name]:
        assert set(row) <= {"measure", "better", "which", *NUMBERS}, row
        assert {row[key] for key in NUMBERS if key in row} <= known, row
        assert ("simple" in row) == ("which" in row) and row.get("better", "lower") == "lower"


def test_each_recipe_is_on_the_results_page_with_its_numbers(hooks: Any) -> None:
    page = hooks.results_page()
    for part in hooks.own("recipes"):
        assert f"- [`{part.name}`](parts/recipes.md#{part.name}): " in page
    rows = [row for row in page.splitlines() if row.startswith("| [")]
    assert len(rows) == sum(map(len, RESULTS.values()))
    assert all(row.count("|") == 8 for row in rows)


class Cells(HTMLParser):
    """The cells of the sortable table of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside, self.styles = False, []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        found = dict(attributes)
        self.inside = self.inside or "sortable" in (found.get("class") or "").split()
        if self.inside and tag in ("th", "td"):
            self.styles.append(found.get("style") or "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "table"


def test_the_numbers_of_the_built_page_are_columns_that_can_be_sorted(site: Path) -> None:
    text = (site / "results.html").read_text(encoding="utf-8")
    assert 'src="sortable.js"' in text.replace("=sortable.js", '="sortable.js"')
    styles = Cells(text).styles
    rows = [styles[start : start + 7] for start in range(0, len(styles), 7)]
    assert len(rows) == 1 + sum(map(len, RESULTS.values()))
    assert all("right" in style for row in rows for style in row[2:6])
    assert not any("right" in style for row in rows for style in (*row[:2], row[6]))


def test_every_model_has_a_page_of_its_method() -> None:
    text = "".join((DOCS / "methods" / name).read_text(encoding="utf-8") for name in METHODS)
    for part in plugins.offered("models").values():
        if part.owner == "kssl":
            class_name = part.path.partition(":")[2]
            assert f"models.{class_name}" in text or f"`{part.name}`" in text, part.name


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_a_formula_and_a_picture(name: str, site: Path) -> None:
    text = (DOCS / "methods" / name).read_text(encoding="utf-8")
    assert len(re.findall(r"^\$`.*`\$$", text, re.MULTILINE)) >= 1
    pictures = re.findall(r"^!\[.+\]\(\.\./(\S+)\)", text, re.MULTILINE)
    assert pictures and all((DOCS / picture).is_file() for picture in pictures)
    assert f"methods/{name}" in (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    page = (site / "methods" / name).with_suffix(".html").read_text(encoding="utf-8")
    assert re.search(r'<div class="?formula"?>\s*<math', page)
    assert "$`" not in page and "$<code>" not in page


def test_search_works_from_disk_and_the_page_has_a_dark_side(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert (site / "search" / "search_index.js").is_file()  # a file cannot be fetched from a file
    assert "iframe-worker.js" in page and (site / "iframe-worker.js").is_file()
    for scheme in ("default", "slate"):
        assert f"data-md-color-scheme={scheme}" in page.replace('"', "")


def test_nothing_is_published_that_only_makes_the_site(site: Path) -> None:
    own = {path.relative_to(site).as_posix() for path in site.rglob("*")}
    assert not [name for name in own if name.endswith((".py", ".toml"))]
    scripts = {name for name in own if name.endswith(".js") and "/" not in name}
    assert scripts == {"sortable.js", "iframe-worker.js"}
