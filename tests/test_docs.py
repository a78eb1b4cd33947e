"""The documentation: every block of code runs, every command and recipe is right, nothing is left out."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

import kssl.recipe
from kssl import hookspecs, plugins
from kssl.cli import SECTIONS, VERBS, cli
from kssl.recipe.sections import SECTIONS as RECIPE_KEYS
from kssl.recipe.settings import FitSettings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "plugins" / "kssl-example"
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))]

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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with what the pages speak of: recipes and a folder of photographs."""
    import numpy as np
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    rng = np.random.default_rng(0)
    for name in ("photos", "animals/cat", "animals/dog"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


@pytest.fixture
def example(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """The example plugin, as if it were installed, in this process and in those started by it."""
    site = tmp_path_factory.mktemp("site")
    info = site / "kssl_example-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kssl-example\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[kssl]\nexample = kssl_example\n")
    for path in (site, EXAMPLE):
        monkeypatch.syspath_prepend(str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(EXAMPLE)]))
    monkeypatch.delenv("KSSL_PLUGINS", raising=False)
    plugins.forget()
    yield
    monkeypatch.undo()
    plugins.forget()


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run_and_print_what_they_say(page: str, folder: Path, example: None) -> None:
    namespace: dict[str, Any] = {"__name__": f"docs_{Path(page).stem}"}
    # inspect and Keras look classes up by their module
    module = type(sys)(namespace["__name__"])
    namespace = vars(module)
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
    import tomllib

    assert arguments[:2] == ["install", "-e"]
    folder, _, extras = arguments[2].rstrip("]").partition("[")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (ROOT / folder / "pyproject.toml").is_file()
    assert set(filter(None, extras.split(","))) <= set(known["optional-dependencies"])


@pytest.fixture(scope="module")
def hooks() -> Any:
    """The module that generates pages."""
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
            wanted = option if option.startswith("-") else parameter.make_metavar(click.Context(cli))
            assert wanted in section, f"{verb}: {wanted}"
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
            assert "**Args**" in section and "**Example**" in section


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


SHAPE = re.compile(r"(?:TensorShape|torch\.Size)\(\[([^\]]*)\]\)")
PROGRESS = re.compile(r"^(?:Epoch \d|(?:\x1b\[1m)?\d+/\d+).*\n", re.MULTILINE)


class Output(doctest.OutputChecker):
    """Shapes are written in one way for all backends; Keras' progress is not compared."""

    def check_output(self, want: str, got: str, flags: int) -> bool:
        return super().check_output(_plain(want), _plain(PROGRESS.sub("", got)), flags)


def _plain(text: str) -> str:
    def as_tuple(found: re.Match[str]) -> str:
        sizes = found[1]
        return f"({sizes},)" if sizes and "," not in sizes else f"({sizes})"

    return SHAPE.sub(as_tuple, text)


# Examples that cannot run here, and why.
NOT_RUN = {
    "kssl.run.Run": "its run is called vae_mnist; tests/test_run.py has the same",
    "kssl.plugins.failures": "shows a machine without broken plugins",
}
NEEDS_TFDS = {"tfds": "fashion_mnist", "fashion_mnist": "fashion_mnist", "mnist": "mnist"}
NEEDS_TFDS |= {"cifar10": "cifar10"}


def modules() -> list[str]:
    paths = sorted((ROOT / "kssl").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def examples() -> list[doctest.DocTest]:
    """Return every docstring with an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for name in modules():
        module = importlib.import_module(name)
        found += [each for each in finder.find(module, name, module=module) if each.examples]
    return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, Any]]:
    """What examples speak of: a trained model, its data, a task, runs."""
    import keras
    import numpy as np
    import tensorflow as tf

    import kssl
    from kssl.evaluation import Task

    keras.utils.set_random_seed(0)
    transforms = [kssl.pretext.to_float(), kssl.pretext.binarize()]
    train, test = (
        kssl.data.Pipeline(kssl.data.synthetic(split, (8, 8, 1), count), transforms, 16)
        for split, count in (("train", 96), ("test", 32))
    )
    vae, untrained = kssl.models.VAE(2), kssl.models.VAE(2)
    denoiser = kssl.models.DenoisingAutoEncoder(2)
    for model in (vae, untrained, denoiser):
        model.compile("adam")
        model.build((None, 8, 8, 1))
    dataset = train.train().map(lambda batch: batch["image"]).cache()
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(train.steps_per_epoch))

    def names(folder: Path) -> dict[str, Any]:
        run = kssl.run.Run.create(folder / "runs", "vae_mnist")
        second = kssl.run.Run.create(folder / "runs", "vae_mnist")
        for each in (run, second):
            each.write_text("metrics.csv", "epoch,loss,val_loss\n1,3.0,3.5\n2,2.0,2.5\n")
            each.write_json("results.json", {"results": []})
            each.finish()
        task = Task(vae, untrained, train, test)
        shared = {"np": np, "numpy": np, "keras": keras, "kssl": kssl, "tf": tf, "Path": Path}
        made = {"model": vae, "dataset": dataset, "images": test.arrays()["image"], "run": run}
        return shared | made | {"task": task, "denoiser": denoiser, "untrained": untrained}

    return names


@pytest.mark.parametrize("name", modules())
def test_examples_of_docstrings(
    name: str,
    scene: Callable[[Path], dict[str, Any]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from kssl.evaluation import Task

    module = importlib.import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module, name, module=module)
    tests = [each for each in found if each.examples and each.name not in NOT_RUN]
    if not tests:
        return
    tfds = ROOT.parent / "shared" / "data" / "tfds"
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds))
    runner = doctest.DocTestRunner(
        Output(), verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    names = scene(folder)
    for each in tests:
        needed = NEEDS_TFDS.get(each.name.rpartition(".")[2])
        if name == "kssl.data.tfds" and not (tfds / str(needed)).is_dir():
            continue
        each.globs.update({key: value for key, value in names.items() if key not in each.globs})
        if name == "kssl.evaluation.denoising":
            task = names["task"]
            other = names["denoiser"]
            each.globs["task"] = Task(other, type(other)(2), task.train, task.test)
            each.globs["task"].untrained.build((None, 8, 8, 1))
        report = io.StringIO()
        runner.run(each, out=report.write)
        assert "*****" not in report.getvalue(), report.getvalue()


def test_every_public_part_has_an_example() -> None:
    with_example = {each.name.rpartition(".")[2] for each in examples()}
    parts = [part for kind in plugins.KINDS[:-1] for part in plugins.offered(kind).values()]
    own = {part.path.rpartition(":")[2] for part in parts if part.owner == "kssl"}
    assert own - with_example == set()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("needs mkdocs: pip install -e '.[docs]'")
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(target)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_the_site_is_built_strictly_and_needs_no_other_server(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert {"index.html", "cli.html", "results.html"} <= {path.name for path in pages}
    loaded = re.compile(r"<(?:script|img|iframe)[^>]* src=\"?https?:|<link[^>]*rel=\"?(?:stylesheet|preconnect|icon)\"?[^>]*href=\"?https?:")
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
