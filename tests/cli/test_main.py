"""The door: help, exit codes, what is not imported, and what plugins may do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kssl import __version__
from kssl.cli import SECTIONS, VERBS, cli

HEAVY = ("keras", "tensorflow", "numpy", "matplotlib", "sklearn", "jax", "torch", "jinja2")

PROBE = """
import sys
from kssl.cli import main
try:
    main(sys.argv[1:])
finally:
    heavy = [name for name in {heavy} if name in sys.modules]
    print("heavy:", heavy, "verbs:", sorted(n for n in sys.modules if n in {verbs}))
""".format(heavy=HEAVY, verbs=tuple(f"kssl.cli.{verb}" for verb in VERBS))


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in a folder that is on its path too."""
    checkout = Path(__file__).resolve().parent.parent.parent
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{checkout}"} | variables
    command = [sys.executable, "-c", PROBE, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=60
    )


def package(folder: Path, name: str, code: str) -> None:
    """Lay an installed package with one entry point into a folder."""
    (folder / f"{name}.py").write_text(code)
    about = folder / f"{name}-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[kssl]\n{name} = {name}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "--version",
        "list",
        "list models",
        "show vae",
        "show knn",
        "show mnist",
        "show adam",
        "cp mine.yaml copy.yaml",
        "plugins",
        "runs",
        "compare a b",
        "fit --help",
        "doctor",
        "completion bash",
        "nonsense",
    ],
)
def test_light_verbs_import_nothing_heavy(tmp_path: Path, arguments: str) -> None:
    (tmp_path / "mine.yaml").write_text("model: vae\n")
    done = run(tmp_path, *arguments.split())
    verb = arguments.split()[0]
    own = [f"kssl.cli.{verb}"] if verb in VERBS else []
    assert done.stdout.splitlines()[-1] == f"heavy: [] verbs: {own}"
    assert done.returncode == (2 if verb in ("compare", "nonsense") else 0), done.stderr


def test_a_recipe_that_is_plainly_right_needs_no_keras(tmp_path: Path) -> None:
    (tmp_path / "right.yaml").write_text("data: digits\nmodel: {use: vae, latent_dim: 2}\n")
    done = run(tmp_path, "validate", "right.yaml")
    assert done.stdout.splitlines()[0] == "right.yaml is a valid recipe."
    assert done.stdout.splitlines()[-1].startswith("heavy: ['numpy'] verbs"), done.stderr


@pytest.mark.parametrize("given", ["photos", "table.csv", "texts.csv"])
def test_init_needs_no_tensorflow(tmp_path: Path, given: str) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(8):
        picture = Image.new("RGB", (9, 9), (number, 0, 0))
        picture.save(tmp_path / "photos" / f"{number}.png")
    rows = [f"{n},{n % 2}" for n in range(30)]
    (tmp_path / "table.csv").write_text("\n".join(["age,class", *rows]))
    texts = [f"this is the story number {n},{n % 2}" for n in range(30)]
    (tmp_path / "texts.csv").write_text("\n".join(["body,class", *texts]))
    done = run(tmp_path, "init", given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("heavy: ['numpy'] verbs")


def test_keras_comes_without_what_kssl_does_not_use(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("data: digits\nmodel: vae\n")
    done = run(tmp_path, "validate", "--resolved", "mine.yaml", KERAS_BACKEND="tensorflow")
    assert done.returncode == 0, done.stderr
    (heavy,) = [line for line in done.stdout.splitlines() if line.startswith("heavy:")]
    assert "keras" in heavy and "tensorflow" in heavy
    for name in ("matplotlib", "sklearn", "jax", "torch", "jinja2"):
        assert f"'{name}'" not in heavy


def test_help_names_every_verb_once(kssl: Any) -> None:
    ended = kssl("--help")
    assert ended.code == 0
    for section, verbs in SECTIONS.items():
        assert f"{section}:" in ended.out
        for verb, text in verbs.items():
            assert ended.out.count(f"\n  {verb} ") == 1
            assert text in ended.out


@pytest.mark.parametrize("verb", list(VERBS))
def test_the_help_of_a_verb_says_what_it_is_for_and_has_an_example(kssl: Any, verb: str) -> None:
    ended = kssl(verb, "--help")
    assert ended.code == 0
    assert f"kssl {verb}" in ended.out.split("Options:")[0].split("\n", 1)[1]
    assert "--debug" in ended.out
    assert cli.get_command(cli.make_context("kssl", ["runs"]), verb) is not None


def test_version(kssl: Any) -> None:
    assert kssl("--version").out == f"kssl {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fitt"], "there is no verb 'fitt'; did you mean 'fit'?\nSee: kssl --help"),
        (["fit", "--devicse", "4"], "No such option"),
        (["list", "modles"], "there is no kind 'modles'; did you mean 'models' or 'modalities'?"),
        (["show", "vea"], "did you mean 'vae'"),
        (["show", "folder/x.yaml"], "folder/x.yaml"),
        (["cp", "[red]nothing"], "[red]nothing"),
        (["sample", "vae"], "there are no runs in runs"),
        (["validate"], "Missing argument"),
        (["fit", "x/" + "y" * 300], "y" * 100),
        (["sample", "vae", "-o", "y" * 300], "cannot write yyy"),
    ],
)
def test_wrong_input_is_code_2_without_a_traceback(
    kssl: Any, arguments: list[str], message: str
) -> None:
    ended = kssl(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_a_broken_recipe_is_reported_without_leaving_anything(kssl: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("data: [\n")
    ended = kssl("fit", "bad.yaml")
    assert ended.code == 2
    assert "bad.yaml:" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_sign_that_the_terminal_lacks_is_no_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "--help", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert "recipes, models, losses, ?" in done.stdout


def test_a_failed_plugin_is_one_warning_and_the_rest_works(tmp_path: Path) -> None:
    package(tmp_path, "broken", "raise RuntimeError('no [licence]')")
    for arguments in (["list"], ["--help"], ["runs"], ["plugins"], ["nonsense"]):
        done = run(tmp_path, *arguments)
        said = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
        assert said == [
            "warning: 1 plugin does not work: broken (RuntimeError: no [licence]); "
            "see: kssl plugins"
        ]
        assert done.returncode == (2 if arguments == ["nonsense"] else 0)
    assert "broken" not in run(tmp_path, "list", KSSL_PLUGINS="").stderr


HELLO = """
import click, kssl

@click.command("hello")
def hello():
    "Greet the user. And more."
    click.echo("hello there")

@click.command("fit")
def fit():
    click.echo("hijacked")

@kssl.hookimpl
def register_commands(cli):
    cli.add_command(hello)
    {more}
"""


def test_a_plugin_adds_a_command(tmp_path: Path) -> None:
    package(tmp_path, "greeter", HELLO.format(more=""))
    assert "\nFrom plugins:\n  hello       Greet the user." in run(tmp_path, "--help").stdout
    done = run(tmp_path, "hello")
    assert (done.returncode, done.stdout.splitlines()[0], done.stderr) == (0, "hello there", "")
    assert "--debug" in run(tmp_path, "hello", "--help").stdout
    listed = run(tmp_path, "plugins").stdout
    assert "greeter greeter 1.2 commands: hello" in " ".join(listed.split())


def test_a_plugin_cannot_hide_a_verb(tmp_path: Path) -> None:
    package(tmp_path, "greeter", HELLO.format(more="cli.add_command(fit)"))
    done = run(tmp_path, "--help")
    assert done.stderr == (
        "warning: 1 plugin does not work: greeter (its command 'fit' is left out, because the "
        "name is kssl's own); see: kssl plugins\n"
    )
    assert "hello" in done.stdout
    assert "hijacked" not in run(tmp_path, "fit").stdout


def test_a_plugin_that_fails_at_its_commands_harms_nothing(tmp_path: Path) -> None:
    package(tmp_path, "greeter", HELLO.format(more="raise KeyError('x')"))
    done = run(tmp_path, "hello")
    assert done.returncode == 0
    assert done.stderr.count("greeter (KeyError: 'x')") == 1


def test_an_error_in_a_plugins_command_is_code_1(tmp_path: Path) -> None:
    more = "cli.add_command(click.Command('boom', callback=lambda: 1 / 0))"
    package(tmp_path, "greeter", HELLO.format(more=more))
    done = run(tmp_path, "boom")
    assert done.returncode == 1
    assert done.stderr == (
        "error: ZeroDivisionError: division by zero; run again with --debug for the traceback\n"
    )


def test_completion_knows_recipes_kinds_parts_and_runs(
    kssl: Any, finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.shell_completion import ShellComplete

    monkeypatch.chdir(tmp_path)
    finished("my_vae")
    complete = ShellComplete(cli, {}, "kssl", "_KSSL_COMPLETE")

    def names(*words: str) -> list[str]:
        return [i.value for i in complete.get_completions(list(words[:-1]), words[-1])]

    assert names("fi") == ["fit"]
    assert "vae_mnist" in names("fit", "vae_m")
    assert names("list", "mo") == ["models", "modalities"]
    assert names("show", "gaussian_s") == ["gaussian_sampling"]
    assert names("evaluate", "my") == ["my_vae/1"]
    assert names("evaluate", "my_vae/1", "kn") == ["knn"]
    assert names("fit", "x", "--resume", "my_v") == ["my_vae/1"]
    assert names("fit", "--backend", "j") == ["jax"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(kssl: Any, shell: str) -> None:
    ended = kssl("completion", shell)
    assert ended.code == 0
    assert "_KSSL_COMPLETE" in ended.out
