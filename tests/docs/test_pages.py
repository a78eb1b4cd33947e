"""Nothing is left out of the pages; the site builds, and needs no other server."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import click

import kssl.recipe
from kssl import hookspecs, plugins
from kssl.cli import SECTIONS, VERBS, cli
from kssl.recipe.sections import SECTIONS as RECIPE_KEYS
from kssl.recipe.settings import FitSettings

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_verb_and_option_is_on_its_page(hooks: Any) -> None:
    text = hooks.pages()["cli.md"]
    for verb in VERBS:
        assert f"\n## {verb}\n" in text
        with click.Context(cli) as context:
            command = cli.get_command(context, verb)
        section = text.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            option = max(parameter.opts, key=len)
            if not option.startswith("-"):
                option = parameter.make_metavar(context)
            assert option in section, f"{verb}: {option}"
    assert list(VERBS) == [verb for verbs in SECTIONS.values() for verb in verbs]


def test_every_hook_is_documented_with_its_arguments() -> None:
    written = page("plugins.md")
    found = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("register_")}
    assert len(found) == len(plugins.KINDS) + 1
    for name, hook in found.items():
        assert f"`{name}({', '.join(inspect.signature(hook).parameters)})`" in written


def test_every_part_is_on_the_page_of_its_kind(hooks: Any) -> None:
    made = hooks.pages()
    for kind in plugins.KINDS:
        text = made[f"parts/{kind}.md"]
        for part in plugins.offered(kind).values():
            if part.owner != "kssl":
                continue
            section = text.partition(f"\n## `{part.name}`")[2].partition("\n## ")[0]
            assert section, f"{kind}.md lacks {part.name}"
            if kind == "recipes":
                assert kssl.recipe.locate(part.name).read_text().rstrip() in section
                continue
            assert part.path in section and part.help in section
            assert "**Example**" in section
            arguments = hooks.source.read(part.path).arguments
            settings = [each for each in arguments if not each.name.startswith("**")]
            assert not settings or "**Args**" in section, f"{part.path}: its settings"


def test_every_dataset_is_on_the_page_about_data() -> None:
    written = page("data.md")
    own = [part for part in plugins.offered("datasets").values() if part.owner == "kssl"]
    assert [part.name for part in own if f"`{part.name}`" not in written] == []


def test_every_key_of_a_recipe_is_documented_with_its_default() -> None:
    written = page("recipes.md")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", written, re.MULTILINE))
    assert set(RECIPE_KEYS) <= set(rows)
    fit = inspect.signature(FitSettings).parameters
    assert set(fit) <= set(rows)
    plain = {name: each.default for name, each in fit.items() if each.default is not None}
    defaults = {**plain, "seed": 0, "precision": "float32", "jit": "auto"}
    assert {name: rows[name] for name in defaults} == {
        name: f"`{value}`" for name, value in defaults.items()
    }


def test_what_is_reused_is_there() -> None:
    rows = re.findall(r"^\| [\w ,]+ \| `(keras[\w.]*)` \| (.+) \|$", page("keras.md"), re.MULTILINE)
    assert len(rows) > 10
    for module, names in rows:
        where = importlib.import_module(module.partition(".")[0])
        for part in module.split(".")[1:]:
            where = getattr(where, part)
        found = re.findall(r"`(\w+)`", names)
        assert found and [name for name in found if not hasattr(where, name)] == [], module


def test_every_check_of_kssl_testing_is_documented() -> None:
    from kssl import testing

    written = page("plugins.md")
    for name in testing.__all__:
        if name.endswith("_checks") and name != "parametrize_checks":
            signature = inspect.signature(getattr(testing, name))
            arguments = ", ".join(str(each).split(":")[0] for each in _bare(signature))
            assert f"`{name}({arguments})`" in written
        elif name.startswith("check_"):
            assert f"`{name}`" in written


def _bare(signature: inspect.Signature) -> list[inspect.Parameter]:
    empty = inspect.Parameter.empty
    return [each.replace(annotation=empty) for each in signature.parameters.values()]


def test_results_are_read_from_the_head_comment(hooks: Any) -> None:
    text = (
        "# A method on some\n# data. arXiv:1.\n"
        "#   kssl fit recipes/x.yaml a=1      2 minutes;\n#     90 nats\nseed: 0\n"
    )
    about = ("A method on some data. arXiv:1.", "kssl fit recipes/x.yaml a=1", "2 minutes; 90 nats")
    assert hooks.read_head(text) == about
    for name in plugins.offered("recipes"):
        about, command, _ = hooks.read_head(kssl.recipe.locate(name).read_text())
        assert about and command.startswith("kssl fit "), name


def test_the_site_is_built_strictly_and_needs_no_other_server(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert {"index.html", "cli.html", "results.html"} <= {path.name for path in pages}
    other = r"=\"?https?:"
    loaded = re.compile(
        rf"<(?:script|img|iframe)[^>]* src{other}"
        rf"|<link[^>]*rel=\"?(?:stylesheet|preconnect|icon)\"?[^>]*href{other}"
    )
    for path in pages:
        assert not loaded.search(path.read_text(encoding="utf-8")), path
        assert "--8<--" not in path.read_text(encoding="utf-8"), path


def test_pictures_are_small() -> None:
    used = re.findall(r"!\[.*?\]\((?:docs/)?(images/\S+?)\)", (ROOT / "README.md").read_text())
    assert used
    for name in used:
        assert (DOCS / name).stat().st_size < 300_000


def test_links_of_pages_that_are_read_in_the_repository_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / name).read_text()):
            assert link.startswith("https://") or (ROOT / link).exists(), f"{name}: {link}"
