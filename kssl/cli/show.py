"""`kssl show`: a part's signature and docstring, or a recipe's text."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import click
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from kssl.catalog.methods import METHODS, WITHOUT_MODEL
from kssl.cli import screen, source
from kssl.cli.common import recipe_source
from kssl.cli.completing import complete_parts
from kssl.errors import UserError, nearest
from kssl.imports import KERAS_MODULES
from kssl.plugins import KINDS, Part, failures, offered

# How a recipe names a part of each kind; layers and losses are arguments of a model.
PLACES = {
    "datasets": "data: {}",
    "transforms": "pretext: [{}]",
    "layers": "model: {{…, encoder: {}}}",
    "losses": "model: {{…, loss: {}}}",
    "models": "model: {}",
    "callbacks": "callbacks: [{}]",
    "evaluations": "evaluate: [{}]",
    "modalities": "model: {{…, modality: {}}}",
    "optimizers": "optimizer: {}",
    "schedules": "optimizer: {{use: adam, learning_rate: {}}}",
}


@click.command("show")
@click.argument("name", shell_complete=complete_parts)
def command(name: str) -> None:
    """Explain a part: its arguments, what it does, where it comes from. Or print a recipe.

    NAME is a name of `kssl list`, the usual name of a method (`word2vec`, `rotnet`), the file of a
    recipe, a run directory, a name of Keras (`adam`), or `package.module:attribute`. Nothing is
    imported for it.

    \b
    Example:
      kssl show vae
    """
    parts = [offered(kind)[name] for kind in KINDS[:-1] if name in offered(kind)]
    recipe = None if parts else _recipe_file(name)
    if recipe is not None:
        _show_recipe(recipe)
        return
    if not parts and _usual(name) in METHODS:
        _show_method(name)
        return
    parts = parts or _elsewhere(name)
    if not parts:
        known = {each for kind in KINDS for each in offered(kind)} | {*METHODS}
        broken = f" (plugins that do not work: {', '.join(failures())})" if failures() else ""
        raise UserError(
            f"there is nothing called {name!r}, no part and no recipe{_hint(name, known)}{broken}"
        )
    for index, part in enumerate(parts):
        screen.show(*([""] if index else []), *_explain(part))
        if part.rivals:
            rivals = " and ".join(part.rivals)
            warning = f"{rivals} too offers {part.kind} called {name!r}: use the path instead."
            screen.show("", Text(warning, style="red"))


def _usual(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


def _show_method(name: str) -> None:
    """Name what carries a method that is called otherwise here."""
    about, carriers = METHODS[_usual(name)]
    found = [(kind, each) for each in carriers for kind in KINDS if each in offered(kind)]
    rows = [[f"  {each}", _one_of(kind), offered(kind)[each].help] for kind, each in found]
    screen.show(Text(name, style="bold cyan").append(f"   {about}", style="dim"), "")
    screen.show(screen.table(["", "", ""], rows, header=False, fold=2))
    if all(each in WITHOUT_MODEL or kind == "losses" for kind, each in found):
        screen.show("", "kssl has the task and no model for it: a network of your own learns it.")
    screen.show("", f"More about one of them: kssl show {found[0][1]}")


def _carried_by(part: Part) -> str:
    """The recipes that use a part, as far as they are kssl's own."""
    used = re.compile(rf"(use: |[\[,] *|\n +- ){re.escape(part.name)}\b")
    texts = {name: _recipe_file(name) for name in offered("recipes")}
    names = [name for name, file in texts.items() if file and used.search(file.read_text("utf-8"))]
    return ", ".join(names)


def _recipe_file(name: str) -> Path | None:
    from kssl.recipe import locate

    try:
        return locate(recipe_source(name))
    except UserError:
        is_offered = name in offered("recipes")
        if is_offered or "/" in name or Path(name).suffix in (".yaml", ".yml"):
            raise  # it was meant as a recipe, and the message says what is wrong with it
        return None


def _hint(name: str, known: set[str]) -> str:
    hint = nearest(name, known)
    return hint if "did you mean" in hint else "; see: kssl list"


def _elsewhere(name: str) -> list[Part]:
    """Find a part that nobody offers: an import path, or a class of Keras."""
    if ":" in name or "." in name:
        return [Part("", name, name, "", name.split(".")[0])] if source.read(name) else []
    for kind, module in KERAS_MODULES.items():
        for each in source.exported(module):
            if name.replace("_", "").lower() == each.lower():
                return [Part(kind, name, f"{module}:{each}", "", "keras")]
    return []


def _show_recipe(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace").rstrip("\n")
    from rich.syntax import Syntax  # it loads pygments, which only a recipe needs

    # As a text, which is wrapped where the terminal is narrow; a Syntax would be cut off.
    highlighted = Syntax("", "yaml", theme="ansi_dark").highlight(text)
    highlighted.rstrip()  # the highlighter ends it with a line of its own
    screen.show_as_it_is(highlighted)


def _explain(part: Part) -> list[RenderableType]:
    found = source.read(part.path)
    title = Text(part.name, style="bold cyan").append(f"   {_origin(part, found)}", style="dim")
    if found is None:
        return [title, "", part.help, "Its source cannot be read without importing it."]
    summary, meanings, rest = _sections(found.docstring)
    blocks: list[RenderableType] = [title, "", Text(_flowing(summary or part.help))]
    if found.arguments:
        blocks += ["", Text("Arguments", style="bold")]
        blocks += [block for each in found.arguments for block in _argument(each, meanings)]
    if rest:
        blocks += ["", Text(_flowing(rest))]
    place = PLACES.get(part.kind)
    if place:
        blocks += ["", Text.assemble(("In a recipe:  ", "bold"), place.format(_use(part, found)))]
    recipes = _carried_by(part) if part.kind else ""
    if recipes:
        blocks += [Text.assemble(("Recipes that use it:  ", "bold"), recipes)]
    return blocks


def _origin(part: Part, found: source.Definition | None) -> str:
    if not part.kind and found is not None:
        return f"line {found.line} of {found.file}"
    return " · ".join([_one_of(part.kind), part.owner, part.path])


def _one_of(kind: str) -> str:
    return {"losses": "loss"}.get(kind, kind.removesuffix("s"))


def _argument(argument: source.Argument, meanings: dict[str, str]) -> list[RenderableType]:
    head = Text(f"  {argument.name}", style="bold")
    head.append(Text(f": {argument.type}" if argument.type else "", style="not bold dim"))
    head.append(Text(f" = {argument.default}" if argument.default else "", style="not bold"))
    meaning = meanings.get(argument.name.lstrip("*"), "")
    return [head, Padding(Text(meaning), (0, 0, 0, 6))] if meaning else [head]


def _use(part: Part, found: source.Definition) -> str:
    needed = [a.name for a in found.arguments if not a.default and not a.name.startswith("**")]
    needed = [name for name in needed if name != "split"]  # kssl gives the split of a dataset
    if not needed:
        return part.name
    return f"{{use: {part.name}, {', '.join(f'{name}: …' for name in needed)}}}"


def _flowing(text: str) -> str:
    """Join the lines of each paragraph, to be broken anew; lists, formulas and examples stay."""
    joined: list[str] = []
    for line in text.splitlines():
        before = joined[-1] if joined else ""
        prose = line and before and line[0] not in " -*>" and before[0] not in " >"
        if prose and not before.endswith(":"):
            joined[-1] = f"{before} {line}"
        else:
            joined.append(line)
    return "\n".join(joined)


def _sections(docstring: str) -> tuple[str, dict[str, str], str]:
    """Split a docstring into what stands before `Args:`, the arguments, and what follows."""
    before, found, after = docstring.partition("Args:\n")
    if not found:
        return docstring, {}, ""
    lines = after.splitlines()
    end = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    entries = textwrap.dedent("\n".join(lines[:end])).strip()
    meanings: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", entries):
        name, _, meaning = entry.partition(":")
        meanings[name.split("(")[0].strip().lstrip("*")] = " ".join(meaning.split())
    return before.strip(), meanings, "\n".join(lines[end:]).strip()
