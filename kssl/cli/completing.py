"""Shell completion: recipes, parts, runs, and the overrides of a recipe.

Files are completed as plain names: an item of the type `file` would make the shell drop all others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kssl.cli import source
from kssl.errors import UserError
from kssl.runs.directory import ROOT, list_runs

_NO_KIND = {"fit": "kssl.recipe.settings:FitSettings"}  # sections that hold no part


def complete_recipes(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete offered recipes, and files."""
    return [*_items(("recipes",), incomplete), *_files(incomplete, (".yaml", ".yml"))]


def complete_parts(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the names of all parts, recipes too."""
    from kssl.plugins import KINDS

    return _items(KINDS, incomplete)


def complete_kinds(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the kinds of parts."""
    from kssl.plugins import KINDS

    return [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)]


def complete_runs(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the names of runs, and folders."""
    names = [run.name for run in list_runs(context.params.get("runs_dir") or ROOT)]
    items = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*items, *_files(incomplete, ())]


def complete_evaluations(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the names of evaluations."""
    return _items(("evaluations",), incomplete)


def complete_overrides(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete `fit.batch_size=`, `model=vae` and `~callbacks`.

    Bash takes `model=v` for three words: what is before `=` is then among those that are given.
    """
    given = [str(each) for each in context.params.get("overrides") or ()]
    if incomplete == "=" and given:
        return _values(given[-1], "", "")
    if given[-1:] == ["="]:
        return _values(given[-2] if len(given) > 1 else "", "", incomplete)
    key, equals, value = incomplete.partition("=")
    if equals:
        return _values(key, f"{key}=", value)
    sign = "~" if key.startswith("~") else ""
    before, dot, last = key.removeprefix("~").rpartition(".")
    tree = _tree(str(context.params.get("recipe") or ""))
    names = [name for name in _keys(tree, before) if name.startswith(last)]
    return [CompletionItem(f"{sign}{before}{dot}{name}{'' if sign else '='}") for name in names]


def _tree(recipe: str) -> dict[str, Any]:
    """The recipe as plain data; nothing of it where it cannot be read."""
    from kssl.recipe import locate
    from kssl.recipe.problems import Problems
    from kssl.recipe.reader import read_file

    with contextlib.suppress(UserError, OSError):
        root, _ = read_file(locate(recipe), recipe, Problems(recipe))
        if root is not None:
            return dict(root.plain())
    return {}


def _keys(tree: dict[str, Any], path: str) -> list[str]:
    """The keys below a path: those that are there, and those that the part there takes."""
    from kssl.plugins import KINDS, offered
    from kssl.recipe.sections import SECTIONS

    if not path:
        return [*SECTIONS]
    place: Any = tree
    for step in path.split("."):
        place = place.get(step) if isinstance(place, dict) else None
    name = place.get("use") if isinstance(place, dict) else place
    there = [key for key in place if key != "use"] if isinstance(place, dict) else []
    paths = [offered(kind)[name].path for kind in KINDS if name in offered(kind)]
    paths += [_NO_KIND[path]] if path in _NO_KIND else []
    found = [source.read(each) for each in paths]
    takes = [argument.name for each in found if each for argument in each.arguments]
    known = [*there, *(each for each in takes if not each.startswith("*") and each != "split")]
    return list(dict.fromkeys(known))


def _values(key: str, before: str, incomplete: str) -> list[CompletionItem]:
    """The names that can stand for a key, each behind what is typed already."""
    from kssl.recipe.kinds import kind_of_argument
    from kssl.recipe.sections import MANY, ONE

    if key.endswith(".use"):
        key = key.removesuffix(".use")
    kind = ONE.get(key) or MANY.get(key) or kind_of_argument(key.rpartition(".")[2], "models")
    items = _items((kind,), incomplete) + (_files(incomplete, ()) if key == "data" else [])
    return [CompletionItem(f"{before}{item.value}", help=item.help) for item in items]


def _files(incomplete: str, endings: tuple[str, ...]) -> list[CompletionItem]:
    """Folders, and files with these endings."""
    folder, slash, start = incomplete.rpartition("/")
    head = folder + slash
    try:
        found = sorted(Path(head or ".").expanduser().iterdir())
    except OSError:
        return []
    return [
        CompletionItem(f"{head}{each.name}{'/' * each.is_dir()}")
        for each in found
        if each.name.startswith(start)
        and (start or not each.name.startswith("."))
        and (each.is_dir() or each.suffix in endings)
    ]


def _items(kinds: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from kssl.plugins import KINDS, offered

    return [
        CompletionItem(name, help=part.help)
        for kind in kinds
        if kind in KINDS
        for name, part in offered(kind).items()
        if name.startswith(incomplete)
    ]
