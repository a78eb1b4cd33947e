"""The page of a run: complete, escaped, self-contained, and honest about its state."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import kssl.report
from kssl.report import page as report_page
from kssl.report.page import duration, number

VOID = {"source", "meta", "link", "br", "img", "hr", "input"}
CHROMIUM_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars"
    " --disable-background-networking --disable-component-update --disable-sync"
).split()


class Page(HTMLParser):
    """Tags, attributes and text; fails on tags that do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def write(run: Any) -> Page:
    return Page(kssl.report.write(run).read_text(encoding="utf-8"))


def draw_one(run: Any, file: str = "samples.png") -> None:
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
    )
    (run.figures / file).write_bytes(pixel)
    entries = [
        {"file": file, "title": "Samples", "caption": "64 & more"},
        {"file": None, "title": "Manifold", "caption": "", "error": "ValueError: <odd>"},
        {"file": "../../secret.png", "title": "Out", "caption": ""},
    ]
    run.write_json("figures/figures.json", entries)


def test_the_page_holds_results_figures_recipe_and_environment(run: Any) -> None:
    draw_one(run)
    page = write(run)
    for words in ("97.14 %", "106.2", "independent pixels", "64 & more", "latent_dim: 2", "3.15.1"):
        assert words in page.text
    assert "Not computed: linear: the data has no labels" in page.text
    assert "Not drawn: Manifold (ValueError: <odd>)" in page.text
    (image,) = page.of("img")
    assert image["src"].startswith("data:image/png;base64,")
    assert (image["alt"], image["width"], image["height"]) == ("Samples: 64 & more", "1", "1")
    assert page.of("html") == [{"lang": "en"}]
    assert page.text.count("vae_mnist/1") > 3


def test_the_best_number_is_marked_also_when_it_is_a_baseline(run: Any) -> None:
    html = kssl.report.write(run).read_text(encoding="utf-8")
    rows = re.findall(r'<tr class="([^"]*)">\s*<th scope="row"[^>]*>([\w ]+?) *(?:<|\n)', html)
    best = {name for classes, name in rows if "best" in classes.split()}
    own = [name for classes, name in rows if "own" in classes.split()]
    assert best == {"this model", "independent pixels"}  # of knn, of log_likelihood
    assert own == ["this model", "this model"]
    assert [name for _, name in rows[:2]] == ["this model", "pixels"]  # sorted, best first
    assert "↑ higher is better" in html and "↓ lower is better" in html


def test_bars_of_one_metric_are_on_one_scale(run: Any) -> None:
    content = run.read_json("results.json")
    (knn, loss), widths = content["results"], {}
    twin = {**knn, "name": "linear", "value": 0.4, "baselines": {"untrained": 0.2}}
    other = {**loss, "name": "again", "value": 271.5, "baselines": {}}
    run.write_json("results.json", {"results": [knn, twin, loss, other]})
    for card in report_page.facts(run)["results"]:
        widths[card["name"]] = [row["bar"] for row in card["rows"]]
    assert widths["linear"] == [40.0, 20.0]  # an accuracy: of 100 %, whatever the best one is
    assert widths["knn"] == [97.1, 95.0, 61.0, 10.0]
    assert widths["log_likelihood"] == [18.3, 19.6, 100.0]  # 99.5, 106.2, 543 of 543
    assert widths["again"] == [50.0]


def test_the_words_are_those_of_the_terminal(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kssl.cli.results import results_table

    content = run.read_json("results.json")
    few = {**content["results"][0], "settings": {"k": 5}}
    run.write_json("results.json", {"results": [*content["results"], few]})
    monkeypatch.setattr("kssl.cli.screen.fits", lambda _: True)  # not one line for each baseline
    table = results_table(run.read_json("results.json")["results"])
    terminal = {str(cell) for column in table.columns for cell in column._cells}
    terminal |= {str(column.header) for column in table.columns}
    cards = report_page.facts(run)["results"]
    assert "k=5" in cards[-1]["name"]
    assert {card["name"] for card in cards} <= terminal
    assert {row["name"] for card in cards for row in card["rows"]} <= terminal


def test_metrics_and_baselines_are_explained(run: Any) -> None:
    draw_one(run, "curves.png")
    run.write_text("metrics.csv", "epoch,loss,spread,alignment,uniformity,own\n1,2,1,0,-3,5\n")
    text = write(run).text
    for words in ("about 1 is even over the sphere", "two views of one example", "-4 even"):
        assert words in text
    html = run.file("report.html").read_text(encoding="utf-8")
    assert 'title="the same network with fresh weights">untrained' in html


def test_warnings_of_the_run_stand_at_its_head(run: Any) -> None:
    assert "Warning" not in write(run).text
    run.write_json("warnings.json", ["health: <collapse>", "few steps"])
    text = write(run).text
    assert text.index("Warnings") < text.index("health: <collapse>") < text.index("Results")


def test_a_dark_page_has_dark_figures(run: Any) -> None:
    draw_one(run)
    (image,) = write(run).of("img")
    assert image["class"] == "white"  # drawn before there were any: on white, as it was
    (run.figures / "samples.dark.png").write_bytes((run.figures / "samples.png").read_bytes())
    (source,) = write(run).of("source")
    assert source["media"] == "screen and (prefers-color-scheme: dark)"
    assert source["srcset"].startswith("data:image/png;base64,")


def test_nothing_is_loaded_and_nothing_runs(run: Any) -> None:
    draw_one(run)
    page = write(run)
    assert page.of("script") == []
    for _, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "poster", "data"):
                assert value.startswith(("data:", "#"))
    html = run.file("report.html").read_text(encoding="utf-8")
    assert "@import" not in html and "url(" not in html
    assert "default-src 'none'" in html


def test_what_users_write_is_escaped(run: Any) -> None:
    html = kssl.report.write(run).read_text(encoding="utf-8")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "no network &amp; no &lt;copy&gt;" in html


def test_a_stand_in_cannot_be_overlooked(run: Any) -> None:
    page = write(run)
    start = page.text.index("Stand-in data: digits in place of mnist")
    assert start < page.text.index("Results")
    assert "None of its numbers is a number for mnist" in page.text
    environment = run.read_json("environment.json")
    environment["data"] = {"used": "mnist", "stand_in_for": None, "reason": ""}
    run.write_json("environment.json", environment)
    assert "Stand-in" not in write(run).text


def test_a_link_in_figures_is_not_followed(run: Any, tmp_path: Path) -> None:
    draw_one(run)
    secret = tmp_path / "secret.txt"
    secret.write_text("a private key")
    (run.figures / "notes.txt").symlink_to(secret)
    run.write_json("figures/figures.json", [{"file": "notes.txt", "title": "N", "caption": ""}])
    assert "a private key" not in write(run).text
    run.figures.joinpath("notes.txt").unlink()
    run.figures.joinpath("notes.txt").write_text("a text")
    assert "a text" in write(run).text


def test_an_empty_and_a_damaged_run_have_a_page(empty_run: Any) -> None:
    assert "There are no results yet" in write(empty_run).text
    empty_run.write_text("results.json", "{broken")
    empty_run.write_text("environment.json", "[]")
    empty_run.write_text("metrics.csv", "")
    empty_run.figures.joinpath("figures.json").write_text("{}")
    assert "There are no results yet" in write(empty_run).text


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_that_did_not_end_says_how_to_go_on(run: Any, status: str) -> None:
    run.finish(status, "out of <memory>")
    page = write(run)
    assert "out of <memory>" in page.text
    assert page.text.count("kssl fit --resume vae_mnist/1") == 2
    run.finish("finished")
    assert "--resume" not in write(run).text


def test_numbers_that_are_missing_or_negative(run: Any) -> None:
    content = run.read_json("results.json")
    content["results"][0] |= {"value": None}
    content["results"][1] |= {"value": -310.5, "baselines": {"untrained": 12.0}}
    run.write_json("results.json", content)
    page = write(run)
    assert "not finite" in page.text and "-310.5" in page.text


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (0.97141, "accuracy", "97.14 %"),
        (94.8317, "", "94.83"),
        (12345.6, "", "12,346"),
        (-310.52, "", "-310.5"),
        (0.000012345, "", "1.234e-05"),
        (0, "", "0.000"),
        (float("nan"), "accuracy", "not finite"),
        (None, "", "not finite"),
    ],
)
def test_how_numbers_are_written(value: Any, metric: str, text: str) -> None:
    assert number(value, metric) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3725.2, "1 h 2 min"), (61, "1 min 1 s"), (4.4, "4 s"), (0, ""), (None, ""), ("x", "")],
)
def test_how_durations_are_written(seconds: Any, text: str) -> None:
    assert duration(seconds) == text


def test_writing_a_page_imports_no_heavy_package() -> None:
    heavy = "{'keras', 'numpy', 'matplotlib'}"
    code = f"import sys, kssl.report.page; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("window", ["1200,2000", "390,2000"])
def test_a_browser_opens_it(run: Any, tmp_path: Path, window: str) -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"needs a browser: none of {', '.join(names)} is installed")
    draw_one(run)
    address = kssl.report.write(run).resolve().as_uri()
    picture = tmp_path / "page.png"
    command = [browser, *CHROMIUM_FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    seen = [f"--screenshot={picture}", f"--window-size={window}"]
    subprocess.run([*command, *seen, address], check=True, capture_output=True, timeout=120)
    assert picture.read_bytes().startswith(b"\x89PNG")
    width = int.from_bytes(picture.read_bytes()[16:20], "big")
    assert width == int(window.split(",")[0])
    read = subprocess.run(
        [*command, "--dump-dom", address], check=True, capture_output=True, timeout=120
    )
    page = Page(read.stdout.decode())
    assert "vae_mnist/1 · kssl report" in page.text
    assert "Stand-in data: digits in place of mnist" in page.text
