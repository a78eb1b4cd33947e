"""Every block of Python in the documentation runs, every command and every recipe is right."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
import tomllib
import types
from pathlib import Path
from typing import NamedTuple

import click
import pytest

import kssl.recipe
from kssl.cli import VERBS, cli

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = ["README.md", "CONTRIBUTING.md"]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))

FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r"^--8<-- \"(.+)\"$", re.MULTILINE)
PRINTED = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)

# Verbs that neither train nor import Keras: they are run. Of the others the arguments are checked.
CHEAP = ("list", "show", "cp", "plugins", "runs", "completion", "ring")
WITH_RECIPE = ("fit", "validate", "preview")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page in order, with snippets put in."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(
            found[2],
            SNIPPET.sub(lambda each: (ROOT / each[1]).read_text(encoding="utf-8"), found[3]),
            text.count("\n", 0, found.start()) + 1,
        )
        for found in FENCE.finditer(text)
    ]


# Pages that train a model of the kind that each of them is about.
TRAINING = [
    f"docs/methods/{name}.md"
    for name in ("bert", "cpc", "diffusion", "gpt", "joint_embedding", "mae")
]


@pytest.mark.usefixtures("folder", "example", "keras_registry", "encoder_file")
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page in TRAINING else ()) for page in PAGES],
)
def test_python_blocks_run_and_print_what_they_say(page: str) -> None:
    namespace = vars(types.ModuleType(f"docs_{Path(page).stem}"))
    for block in blocks(page):
        if block.language != "python":
            continue
        printed = io.StringIO()
        code = compile(block.text, f"{page}:{block.line}", "exec", dont_inherit=True)
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        for wanted in PRINTED.findall(block.text):
            lines = printed.getvalue().splitlines()
            assert wanted in lines, f"{page}:{block.line} prints {lines}, not {wanted!r}"


@pytest.mark.parametrize("page", PAGES)
def test_recipes_load_and_check(page: str, folder: Path, example: None) -> None:
    for block in blocks(page):
        if block.language != "yaml":
            continue
        # A page may show one section: the two that every recipe needs are put to it.
        text = block.text
        text += "" if re.search(r"^data:", text, re.MULTILINE) else "\ndata: digits\n"
        text += "" if re.search(r"^model:", text, re.MULTILINE) else "\nmodel: autoencoder\n"
        file = folder / f"block_{block.line}.yaml"
        file.write_text(text, encoding="utf-8")
        recipe = kssl.recipe.load(file)
        recipe.check()
        assert recipe.resolved()


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Return the command lines of a page's console blocks, each with its words."""
    lines = [
        line.removeprefix("$ ")
        for block in blocks(page)
        if block.language == "console"
        for line in block.text.splitlines()
        if line.startswith("$ ")
    ]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [(part, shlex.split(part)) for part in parts]


@pytest.mark.parametrize("page", PAGES)
def test_console_commands_are_right(page: str, folder: Path, example: None) -> None:
    for text, (program, *arguments) in commands(page):
        if program == "kssl":
            check_verb(text, arguments)
        elif program == "make":
            targets = (ROOT / "Makefile").read_text()
            assert all(re.search(rf"^{name}:", targets, re.MULTILINE) for name in arguments), text
        elif program == "pip":
            check_install(arguments)
        elif program == "bash":
            assert (ROOT / arguments[0]).is_file(), text
        else:
            assert program in ("pytest", "python", "mkdocs", "cd", "git"), text


def check_verb(text: str, arguments: list[str]) -> None:
    """Run a command that is cheap; of another check the options, the recipe and its overrides."""
    verb, *rest = arguments
    if verb.startswith("-") or verb in CHEAP:
        done = subprocess.run(
            [sys.executable, "-m", "kssl", *arguments], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return
    assert verb in VERBS, text
    with click.Context(cli) as context:
        command = cli.get_command(context, verb)
        parsed = command.make_context(verb, list(rest), parent=context).params
    if verb in WITH_RECIPE and parsed["recipe"] is not None and "/1" not in parsed["recipe"]:
        kssl.recipe.load(parsed["recipe"], parsed["overrides"]).check()
    for evaluation in parsed.get("evaluations", ()):
        kssl.recipe.load("vae_mnist", [f"evaluate=[{evaluation}]"]).check()


def check_install(arguments: list[str]) -> None:
    """Check that what is installed is this package, one of its extras, or the example."""
    assert arguments[:2] == ["install", "-e"]
    folder, _, extras = arguments[2].rstrip("]").partition("[")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (ROOT / folder / "pyproject.toml").is_file()
    assert set(filter(None, extras.split(","))) <= set(known["optional-dependencies"])
