"""Names to parts; plugins that behave, and plugins that do not."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kssl
from kssl import plugins
from kssl.errors import UserError
from kssl.imports import package_file

Install = Callable[..., None]


def offering(kind: str, *offers: tuple[str, str]) -> types.ModuleType:
    """Return a plugin that offers these names and paths."""

    @kssl.hookimpl
    def hook(register: Any) -> None:
        for name, path in offers:
            register(name, path, help="made for a test")

    module = types.ModuleType("plugin")
    setattr(module, f"register_{kind}", hook)
    return module


class FakeEntry:
    def __init__(self, name: str, load: Any) -> None:
        self.name = name
        self._load = load

    def load(self) -> Any:
        return self._load() if isinstance(self._load, types.FunctionType) else self._load


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install plugins: `install(name=module)`, or a function that is called to load one."""
    monkeypatch.delenv("KSSL_PLUGINS", raising=False)

    def install_plugins(**modules: Any) -> None:
        entries = [FakeEntry(name, module) for name, module in modules.items()]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)
        plugins.forget()

    install_plugins()
    yield install_plugins
    plugins.forget()


def fails() -> None:
    raise RuntimeError("no such device\nmore")


def test_the_parts_of_kssl_come_through_the_same_hooks(install: Install) -> None:
    part = plugins.offered("models")["vae"]
    assert (part.owner, part.path, part.kind) == ("kssl", "kssl.models.vae:VAE", "models")
    assert plugins.failures() == {}
    for kind in plugins.KINDS:
        names = list(plugins.offered(kind))
        assert names and names == sorted(names)
        assert all(part.help for part in plugins.offered(kind).values())


def test_a_plugin_offers_parts_equal_to_the_built_in_ones(install: Install) -> None:
    install(mine=offering("losses", ("ratio", "fractions:Fraction")))
    assert plugins.offered("losses")["ratio"].owner == "mine"
    assert plugins.find("losses", "ratio").__name__ == "Fraction"


def test_a_plugin_that_fails_to_load_is_named_and_harms_nothing(install: Install) -> None:
    install(
        broken=fails,
        exits=lambda: sys.exit("bye"),
        odd=types.SimpleNamespace(),
        good=offering("losses", ("ratio", "fractions:Fraction")),
    )
    assert "ratio" in plugins.offered("losses") and "vae" in plugins.offered("models")
    failures = plugins.failures()
    assert failures["broken"] == "RuntimeError: no such device"
    assert failures["exits"] == "SystemExit: bye"
    assert set(failures) == {"broken", "exits", "odd"}


def test_a_name_that_a_broken_plugin_may_have_brought(install: Install) -> None:
    install(broken=fails)
    with pytest.raises(UserError, match=r"'ratio' is not among the losses.*'broken' \(Runtime"):
        plugins.find("losses", "ratio")


def test_a_hook_that_fails_keeps_the_other_plugins_whole(install: Install) -> None:
    @kssl.hookimpl
    def register_losses(register: Any) -> None:
        register("one", "a:b")
        raise OSError("disk")

    bad = types.ModuleType("bad")
    bad.register_losses = register_losses  # type: ignore[attr-defined]
    install(bad=bad, good=offering("losses", ("ratio", "fractions:Fraction")))
    assert {"ratio", "elbo"} <= set(plugins.offered("losses"))
    assert plugins.failures() == {"bad": "OSError: disk"}


@pytest.mark.parametrize(
    "offer", [("Ratio", "a:b"), ("a b", "a:b"), ("ratio", "a.b"), ("ratio", "../a:b"), (3, "a:b")]
)
def test_a_wrong_offer_is_named(install: Install, offer: tuple[str, str]) -> None:
    install(mine=offering("losses", offer))
    assert "ValueError" in plugins.failures()["mine"]
    assert "elbo" in plugins.offered("losses")


def test_a_name_offered_twice_is_an_error_that_names_both_owners(install: Install) -> None:
    install(
        one=offering("losses", ("ratio", "fractions:Fraction")),
        two=offering("losses", ("ratio", "decimal:Decimal")),
    )
    with pytest.raises(UserError, match=r"'ratio': 'one' \(fractions:Fraction\) and 'two' \(dec"):
        plugins.find("losses", "ratio")
    assert "'one'" in plugins.failures()["two"]
    assert plugins.find("losses", "decimal:Decimal").__name__ == "Decimal"


def test_optimizers_and_schedules_of_a_plugin_come_before_those_of_keras(install: Install) -> None:
    install(
        one=offering("optimizers", ("adam", "fractions:Fraction")),
        two=offering("schedules", ("ratio", "fractions:Fraction")),
    )
    assert plugins.find("optimizers", "adam").__name__ == "Fraction"
    assert plugins.offered("schedules")["ratio"].owner == "two"
    assert plugins.failures() == {}


def test_the_same_name_may_be_used_in_two_kinds(install: Install) -> None:
    install(mine=offering("layers", ("reconstruction", "fractions:Fraction")))
    assert plugins.failures() == {}
    assert plugins.find("layers", "reconstruction").__name__ == "Fraction"


def test_a_misspelt_hook_is_an_error_of_that_plugin_alone(install: Install) -> None:
    install(mine=offering("lossses"), other=offering("losses", ("ratio", "fractions:Fraction")))
    assert "ratio" in plugins.offered("losses")
    assert "register_lossses; did you mean 'register_losses'" in plugins.failures()["mine"]


def test_the_environment_restricts_the_plugins(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        one=offering("losses", ("ratio", "fractions:Fraction")),
        two=offering("losses", ("decimal", "decimal:Decimal")),
        broken=fails,
    )
    for value, wanted in (("two", {"decimal"}), ("", set()), (" one, two ", {"ratio", "decimal"})):
        monkeypatch.setenv("KSSL_PLUGINS", value)
        plugins.forget()
        assert {"ratio", "decimal"} & set(plugins.offered("losses")) == wanted
        assert plugins.failures() == {}
    monkeypatch.setenv("KSSL_PLUGINS", "tow")
    plugins.forget()
    assert "not installed; did you mean 'two'?" in plugins.failures()["tow"]


def test_commands_are_added_through_their_hook(install: Install) -> None:
    import click

    @kssl.hookimpl
    def register_commands(cli: click.Group) -> None:
        cli.add_command(click.Command("extra"))

    module = types.ModuleType("mine")
    module.register_commands = register_commands  # type: ignore[attr-defined]
    install(mine=module)
    group = click.Group()
    plugins.manager().hook.register_commands(cli=group)
    assert list(group.commands) == ["extra"]


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("optimizers", "adam", "Adam"),
        ("optimizers", "AdamW", "AdamW"),
        ("optimizers", "lars", "LARS"),
        ("schedules", "warmup_cosine", "WarmupCosine"),
        ("schedules", "cosine_decay", "CosineDecay"),
        ("layers", "conv2d", "Conv2D"),
        ("layers", "batch_normalization", "BatchNormalization"),
        ("callbacks", "early_stopping", "EarlyStopping"),
        ("losses", "mean_squared_error", "MeanSquaredError"),
        ("layers", "keras.layers.Dense", "Dense"),
        ("layers", "keras.layers:Dense", "Dense"),
        ("models", "fractions:Fraction.from_float", "from_float"),
    ],
)
def test_names_of_keras_and_paths(install: Install, kind: str, name: str, found: str) -> None:
    assert plugins.find(kind, name).__name__ == found


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("models", "veae", "'veae' is not among the models; did you mean 'vae'?"),
        ("optimizers", "adma", "did you mean 'adam"),
        ("layers", "dens", "did you mean 'dense'"),
        ("layers", "zzzz", "there is: batch_normalization, conv_.*, and those of keras.layers"),
        ("schedules", "zzzz", "there is: warmup_cosine, and those of keras.optimizers.schedules"),
        ("initializers", "zzzz", "not among the initializers; there are those of keras.init"),
        ("transforms", "vae", "'vae' is not among the transforms, but one of the models"),
        ("models", "nowhere:Model", "cannot be imported from 'nowhere': ModuleNotFound.*installed"),
        ("models", "fractions:Fractoin", "'fractions' has no 'Fractoin'; did you mean 'Fraction'"),
        ("models", "fractions:", "is not a path"),
        ("models", ".fractions:x", "is not a path"),
        ("models", "a b.c", "is not a path"),
        ("models", "", "is not among the models"),
        ("models", "Dense", "is not among the models"),
    ],
)
def test_what_cannot_be_found(install: Install, kind: str, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plugins.find(kind, name)


def test_a_part_whose_module_fails_names_its_plugin(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_part.py").write_text("raise RuntimeError('broken wheel')")
    monkeypatch.syspath_prepend(str(tmp_path))
    install(mine=offering("models", ("it", "failing_part:Model")))
    with pytest.raises(UserError, match="'it' of the plugin 'mine' cannot .*: broken wheel") as got:
        plugins.find("models", "it")
    assert isinstance(got.value.__cause__, RuntimeError)


def test_a_kind_that_does_not_exist() -> None:
    with pytest.raises(UserError, match="'model'; did you mean 'models'?"):
        plugins.offered("model")


def test_recipes_are_files_inside_packages(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "recipe_package"
    (package / "recipes").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('is not imported')")
    (package / "recipes" / "one.yaml").write_text("data: digits\nmodel: vae\n")
    (tmp_path / "secret.yaml").write_text("data: digits\nmodel: vae\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    install(
        mine=offering(
            "recipes",
            ("one", "recipe_package:recipes/one.yaml"),
            ("out", "recipe_package:../secret.yaml"),
            ("absent", "recipe_package:recipes/two.yaml"),
            ("lost", "no_such_package:one.yaml"),
        )
    )
    assert kssl.recipe.load("one").name == "one"
    for name, message in (
        ("out", "leads out of the package"),
        ("absent", "has no file 'recipes/two.yaml'"),
        ("lost", "there is no package 'no_such_package'"),
    ):
        with pytest.raises(UserError, match=message):
            kssl.recipe.load(name)


def test_every_recipe_of_kssl_is_a_file_and_every_file_is_offered(
    install: Install, root: Path
) -> None:
    parts = plugins.offered("recipes").values()
    files = {package_file(part.path, part.name).name for part in parts}
    assert files == {path.name for path in (root / "recipes").glob("*.yaml")}


def test_listing_is_fast_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, time; import kssl.plugins as p; [p.offered(kind) for kind in p.KINDS];"
        "print(time.process_time());"
        "print([m for m in ('keras', 'numpy', 'tensorflow', 'ruamel.yaml') if m in sys.modules])"
    )
    results = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    assert {result.stdout.splitlines()[1] for result in results} == {"[]"}
    seconds = min(float(result.stdout.splitlines()[0]) for result in results)
    assert seconds < 0.3  # of a processor, the interpreter's own start included


def test_a_hook_without_its_mark_is_an_error_that_says_so(install: Install) -> None:
    module = types.ModuleType("mine")
    module.register_losses = lambda register: register("ratio", "fractions:Fraction")  # type: ignore[attr-defined]
    install(mine=module)
    assert (
        plugins.failures()["mine"]
        == "its register_losses is not marked: put @kssl.hookimpl above it"
    )
    assert "ratio" not in plugins.offered("losses")


def test_rivals_of_a_name_are_known_and_errors_keep_their_traceback(install: Install) -> None:
    offer = offering("losses", ("ratio", "fractions:Fraction"))
    install(one=offer, two=offering("losses", ("ratio", "decimal:Decimal")), broken=fails)
    part = plugins.offered("losses")["ratio"]
    assert (part.owner, part.rivals) == ("one", ("two",))
    error = plugins.errors()["broken"]
    assert isinstance(error, RuntimeError) and error.__traceback__ is not None
