"""MkDocs hook: the pages that are made from the code when the site is built.

One page per kind of part, from the catalog and the source text of each part; the command line,
from click; the results, from the head comments of the recipes. Nothing of it is committed. Keras
is not imported, so that the site is built in seconds. Formulas become MathML, which browsers draw
by themselves: the site needs no script for them.
"""

from __future__ import annotations

import html
import inspect
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import click

from kssl import recipe
from kssl.cli import SECTIONS, cli, source
from kssl.cli.show import PLACES
from kssl.plugins import KINDS, Part, offered

# What the page of each kind says first.
ABOUT = {
    "datasets": "Where examples come from. See also [data](../data.md).",
    "transforms": "Map functions for `tf.data` that make the task. The picture is what "
    "`kssl preview` draws: the input, what the transform makes of it, and the label.",
    "layers": "Encoders, decoders and the parts of them; plain Keras layers.",
    "losses": "Each is a function of tensors, one value per example or anchor, and a class of "
    "`keras.losses.Loss` around it. The picture plots it over its input.",
    "models": "One self-supervised method each, with its own loss.",
    "optimizers": "Those that Keras lacks. Keras' own are used by their names (`adam`).",
    "schedules": "Learning rates that Keras lacks. Keras' own are used by their names.",
    "callbacks": "What happens beside the training steps. Keras' own are used by their names.",
    "evaluations": "Numbers of a trained model, beside their baselines.",
    "modalities": "Kinds of data that a model reads.",
}

# Formula, letters and picture of each loss.
LOSSES = Path(__file__).parent / "losses.toml"

# The numbers that the recipes gave.
RESULTS = Path(__file__).parent / "results.toml"

CELLS = ("model", "untrained", "scratch", "simple", "which")

WIDEST = 76  # characters that fit beside one another in a block of code

_BLOCK_FORMULA = re.compile(r'(?<=<div class="formula">)(.*?)(?=</div>)', re.DOTALL)
_OWN_LINE = re.compile(r"<p>\$<code>(.*?)</code>\$</p>", re.DOTALL)
_INLINE_FORMULA = re.compile(r"\$<code>(.*?)</code>\$", re.DOTALL)
_BAR = re.compile(r"<mo[^>]*>(&#x0007C;|&#x02016;)</mo>")
_FUNCTION = re.compile(r"(<mi>(?:log|softmax)</mi>)(?!<mo stretchy=\"false\">&#x00028;)")
_COMMAND = re.compile(r"#\s+(kssl fit \S+(?: \S+)*)(?:\s{2,}(.*))?")
_SECTION = re.compile(r"^([A-Z][a-z]+(?: [a-z]+)?):$", re.MULTILINE)


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the site."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_content(content: str, page: Any, config: Any, files: Any) -> str:
    """Turn LaTeX into MathML: blocks of class `formula`, and what is written as $`x`$.

    A formula that is a paragraph of its own is a block.
    """
    content = _OWN_LINE.sub(r'<div class="formula">\1</div>', content)
    content = _BLOCK_FORMULA.sub(lambda found: math(found[1], "block"), content)
    return _INLINE_FORMULA.sub(lambda found: math(found[1], "inline"), content)


def math(latex: str, display: str) -> str:
    """Return MathML of LaTeX that is escaped for HTML."""
    from latex2mathml.converter import convert

    made = convert(html.unescape(latex), display=display)
    made = re.sub(r"<mo>(max|min)</mo>", r"<mi>\1</mi>", made)  # max(…), not max (…)
    made = _BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', made)
    return _FUNCTION.sub(r'\1<mspace width="0.17em"/>', made)  # log p, not logp


def pages() -> dict[str, str]:
    """Return the generated pages: path below docs/ -> Markdown."""
    made = {f"parts/{kind}.md": kind_page(kind) for kind in KINDS if kind != "recipes"}
    made["parts/recipes.md"] = recipes_page()
    made["cli.md"] = cli_page()
    made["results.md"] = results_page()
    return made


def own(kind: str) -> list[Part]:
    """Return kssl's own parts of a kind: what else is installed here is not documented."""
    return [part for part in offered(kind).values() if part.owner == "kssl"]


def kind_page(kind: str) -> str:
    """Return the page of one kind of part."""
    place = PLACES[kind].format("NAME")
    head = f"# {kind.capitalize()}\n\n{ABOUT[kind]} In a recipe: `{place}`."
    return "\n\n".join([head, _overview(kind), *(_part(each) for each in own(kind))]) + "\n"


def _overview(kind: str) -> str:
    rows = [f"| [`{part.name}`](#{part.name}) | {part.help} |" for part in own(kind)]
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


def _part(part: Part) -> str:
    found = _read(part.path)
    room = ".".join(part.path.split(".")[:2])  # a room passes on what its modules make
    head = f"## `{part.name}` {{ #{part.name} }}\n\n{part.help}. In Python: "
    head += f"`{room}.{found.name}`, from `{part.path}`"
    if part.kind == "transforms":
        return f"{head}.\n\n{_preview(part.name)}\n\n{_definition(found)}"
    if part.kind != "losses":
        return f"{head}.\n\n{_definition(found)}"
    function = _read(f"{part.path.partition(':')[0]}:{part.name}")
    head += f", and the function `{room}.{function.name}`."
    heads = (f"**Function** `{function.name}`", f"**Class** `{found.name}`")
    halves = [_definition(function), _definition(found)]
    parts = [text for pair in zip(heads, halves, strict=True) for text in pair]
    return "\n\n".join([head, _shown(part.name), *parts])


def _preview(name: str) -> str:
    """Return the picture of a transform, which `kssl preview` draws."""
    picture = f"![{name}: what goes in and what comes out](../images/transforms/{name}.webp)"
    return f"{picture}{{ width=720 loading=lazy }}\n\n`kssl preview {name}`\n{{ .caption }}"


def _read(path: str) -> source.Definition:
    found = source.read(path)
    if found is None:
        raise ValueError(f"the source of {path} is not found")
    return found


def _shown(name: str) -> str:
    """Return the formula of a loss and its picture, with what they say in words."""
    about = tomllib.loads(LOSSES.read_text(encoding="utf-8"))[name]
    lines = " ".join(about["formula"].split()).split(r", \qquad ")  # each fits a narrow window
    formula = "\n".join(f'<div class="formula">{html.escape(line)}</div>' for line in lines)
    where, caption = (" ".join(about[each].split()) for each in ("where", "picture"))
    size = "{ width=720 loading=lazy }"
    picture = f"![{name}: the loss over its input](../images/losses/{name}.png){size}"
    blocks = [
        formula,
        f"{where}.",
        picture,
        f"{caption}\n{{ .caption }}",
    ]
    return "\n\n".join(blocks)


def _definition(found: source.Definition) -> str:
    """Return the signature and the docstring of a class or a function."""
    arguments = [_written(each) for each in found.arguments]
    signature = f"{found.name}({', '.join(arguments)})"
    if len(signature) > WIDEST:
        lines = "".join(f"    {argument},\n" for argument in arguments)
        signature = f"{found.name}(\n{lines})"
    return f"```text\n{signature}\n```\n\n{_docstring(found)}"


def _written(argument: source.Argument) -> str:
    text = f"{argument.name}: {argument.type}" if argument.type else argument.name
    return f"{text} = {argument.default}" if argument.default else text


def _docstring(found: source.Definition) -> str:
    """Return a Google-style docstring as Markdown."""
    before, *rest = _SECTION.split(found.docstring)
    blocks = [before.strip()]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        text = textwrap.dedent(body.strip("\n")).strip()
        inner, after = _indented(body)
        blocks.append(_section(title, inner or text))
        blocks += [after] if after else []
    return "\n\n".join(block for block in blocks if block)


def _indented(body: str) -> tuple[str, str]:
    """Split what is indented below a heading from what follows it."""
    lines = body.strip("\n").splitlines()
    end = next((i for i, line in enumerate(lines) if line and line[0] != " "), len(lines))
    inner = textwrap.dedent("\n".join(lines[:end])).strip()
    return inner, "\n".join(lines[end:]).strip()


def _section(title: str, body: str) -> str:
    if title == "Example":
        return f"**Example**\n\n```pycon\n{body}\n```"
    if title in ("Args", "Call arguments", "Raises", "Attributes"):
        return f"**{title}**\n\n{_entries(body)}"
    return f"**{title}**\n\n{body}"


def _entries(body: str) -> str:
    """Return `name: meaning` entries as a list."""
    items = []
    for entry in re.split(r"\n(?=\S)", body):
        name, _, meaning = " ".join(entry.split()).partition(":")
        items.append(f"- `{name}`: {meaning.strip()}")
    return "\n".join(items)


def recipes_page() -> str:
    """Return the page with every recipe in full."""
    blocks = [
        "# Recipes\n\nThe recipes that kssl brings. `kssl fit NAME` trains one from anywhere, "
        "`kssl cp NAME mine.yaml` copies it. How one is written: [writing a recipe](../recipes.md)."
    ]
    blocks.append(_overview("recipes"))
    for part in own("recipes"):
        text = recipe.locate(part.name).read_text(encoding="utf-8").rstrip()
        blocks.append(f"## `{part.name}` {{ #{part.name} }}\n\n```yaml\n{text}\n```")
    return "\n\n".join(blocks) + "\n"


def results_page() -> str:
    """Return the measured results of the recipes, from their head comments."""
    known = tomllib.loads(RESULTS.read_text(encoding="utf-8"))
    rows = [
        "| recipe | measured | this model | untrained | from scratch | simple model | which |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    about = []
    for part in own("recipes"):
        what, _, measured = read_head(recipe.locate(part.name).read_text(encoding="utf-8"))
        link = f"[`{part.name}`](parts/recipes.md#{part.name})"
        for row in known.get(part.name, []):
            cells = [row.get(key, "") for key in CELLS]
            better = "↓" if row.get("better") == "lower" else "↑"
            cells = [link, f"{row['measure']} {better}", *cells]
            rows.append(f"| {' | '.join(cells)} |")
        about.append(f"- {link}: {what} {measured or 'No number is recorded yet.'}")
    table = "\n".join(rows)
    blocks = [
        inspect.cleandoc(_RESULTS),
        f'<div class="sortable" markdown>\n\n{table}\n\n</div>',
        "## How they were measured",
        "\n".join(about),
    ]
    return "\n\n".join(blocks) + "\n"


_RESULTS = """
    ---
    hide: [toc]
    ---

    # Results

    What the recipes gave when they were run in full with their default settings, beside the best
    of the simple models. ↑: higher is better, ↓: lower. A click on a heading sorts. The numbers
    stand in the head comment of each recipe's file too, with everything that has to be known about
    them, which is repeated below.
    Your own run writes the same numbers with their baselines into `results.json` and
    `report.html`; see [what every evaluation prints](concepts.md#what-every-evaluation-prints).
"""


def read_head(text: str) -> tuple[str, str, str]:
    """Read the head comment of a recipe.

    Args:
        text: The recipe. Its comment says what it is; then comes the command, alone on its line
            or with the result behind two spaces or more; indented lines after it go on with the
            result.

    Returns:
        What it is, the command, and the result, which is empty where none is recorded.
    """
    about: list[str] = []
    command, measured = "", []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        found = _COMMAND.fullmatch(line.rstrip())
        if found and not command:
            command, measured = found[1], [found[2] or ""]
        elif command:
            measured.append(line.lstrip("# ").rstrip())
        else:
            about.append(line.lstrip("# ").rstrip())
    return " ".join(about), command, " ".join(" ".join(measured).split())


def cli_page() -> str:
    """Return the page of the command line: every verb with its help."""
    blocks = [inspect.cleandoc(_CLI)]
    for title, verbs in SECTIONS.items():
        rows = [f"| [`{verb}`](#{verb}) | {text} |" for verb, text in verbs.items()]
        blocks.append("\n".join([f"| {title} | |", "|---|---|", *rows]))
    options = {"help_option_names": ["-h", "--help"], "terminal_width": 90}
    with click.Context(cli, info_name="kssl", **options) as context:
        for verb in (verb for verbs in SECTIONS.values() for verb in verbs):
            command = cli.get_command(context, verb)
            if command is None:
                raise ValueError(f"there is no module for the verb {verb!r}")
            with click.Context(command, info_name=verb, parent=context) as inner:
                blocks.append(f"## {verb}\n\n```text\n{command.get_help(inner)}\n```")
    return "\n\n".join(blocks) + "\n"


_CLI = """
    # Command line

    `kssl VERB …`. The exit code is 0 when all went well, 1 when a run failed, 2 when the input
    was wrong, 130 after Ctrl-C. An error is one message without a traceback; `--debug` shows the
    traceback. Plugins may add verbs of their own.

    A RUN is a folder (`runs/vae_mnist/3`), a name (`vae_mnist/3`) or the name of a recipe, which
    means its latest run.
"""
