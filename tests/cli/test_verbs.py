"""The verbs besides fit: what they ask for and what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kssl.catalog.methods import METHODS, WITHOUT_MODEL
from kssl.cli import results, screen, source
from kssl.plugins import KINDS, offered
from kssl.runs import Sampling
from kssl.runs.directory import Run

TOKEN_SAMPLERS = ("greedy", "random", "top_k", "top_p", "beam")
GPT = Sampling("GPT", ("prompt", "length", "sampler"), TOKEN_SAMPLERS, True)
DIFFUSION = Sampling(
    "Diffusion", ("labels", "guidance", "steps", "sampler"), ("ddim", "ddpm", "heun"), False
)
RECIPE = "# A small one.\nmodel: {use: vae, latent_dim: 2}  # [two]\n"


def test_list_groups_by_kind_with_owners(kssl: Any) -> None:
    ended = kssl("list")
    lines = ended.out.splitlines()
    assert lines[0] == "recipes"
    for kind in ("datasets", "transforms", "layers", "losses", "models", "evaluations"):
        assert kind in lines
    (vae,) = [line for line in lines if line.startswith("  vae ")]
    assert vae.split() == ["vae", "Variational", "autoencoder", "kssl"]
    assert all(line == line.rstrip() for line in lines)


def test_list_of_one_kind_by_either_number(kssl: Any) -> None:
    assert kssl("list", "model").out == kssl("list", "models").out
    assert kssl("list", "models").out.splitlines()[0] == "models"


def test_list_of_what_suits_a_kind_of_data(kssl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    names = {
        field: {line.split()[0] for line in kssl("list", "--for", field).out.splitlines() if line}
        for field in ("images", "text", "sound", "video", "tables")
    }
    for name, fields in {
        "rotate": {"images"}, "next_token": {"text"}, "mu_law": {"sound"}, "one_hot": {"tables"},
        "gpt_shakespeare": {"text"}, "frame_order": {"video"}, "simclr_fashion": {"images"},
        "simclr": {*names}, "knn": {*names}, "tfds": {*names},
    }.items():  # fmt: skip
        assert {field for field in names if name in names[field]} == fields, name
    (line,) = [line for line in kssl("list", "transforms").out.splitlines() if "skip_gram" in line]
    assert "(a task without a model)" in line


def test_methods_by_their_usual_names(kssl: Any) -> None:
    """Each names parts and recipes that are there, and none is the name of a part itself."""
    for name, (_, carriers) in METHODS.items():
        assert carriers and not any(name in offered(kind) for kind in KINDS), name
        assert all(any(each in offered(kind) for kind in KINDS) for each in carriers), name
    assert {*offered("transforms")} >= WITHOUT_MODEL
    rotnet = kssl("show", "RotNet").out
    assert all(name in rotnet for name in ("rotate", "pretext_classifier", "rotation_fashion"))
    word2vec = kssl("show", "word2vec").out
    assert "skip_gram" in word2vec and "the task and no model for it" in word2vec
    assert "Recipes that use it:  byol_fashion" in kssl("show", "byol").out
    assert (
        "Recipes that use it:  jigsaw_fashion, rotation_fashion"
        in kssl("show", "pretext_classifier").out
    )
    assert "did you mean 'word2vec'" in kssl("show", "wrd2vec").err


def test_show_a_part(kssl: Any) -> None:
    out = kssl("show", "vae").out
    assert out.splitlines()[0] == "vae   model · kssl · kssl.models.vae:VAE"
    assert "\n  latent_dim: int = " in out
    assert "\nIn a recipe:  model: vae" in out


def test_show_names_the_arguments_that_are_needed(kssl: Any) -> None:
    assert "data: {use: arrays, path: …}" in kssl("show", "arrays").out


def test_show_a_recipe_prints_its_text(kssl: Any, tmp_path: Path, finished: Any) -> None:
    (tmp_path / "small.yaml").write_text(RECIPE)
    assert kssl("show", "small.yaml").out == RECIPE
    finished("vae")
    assert kssl("show", "vae/1").out == "model: {use: vae}\n"


def test_show_a_class_of_keras_and_an_import_path(kssl: Any) -> None:
    adam = kssl("show", "adam").out
    assert adam.splitlines()[0] == "adam   optimizer · keras · keras.optimizers:Adam"
    assert "  learning_rate = 0.001" in adam
    assert "  name (needed)" not in adam
    assert "  options: Iterable[str]" in kssl("show", "kssl.errors:nearest").out


def test_source_follows_names_that_are_passed_on(tmp_path: Path, monkeypatch: Any) -> None:
    package = tmp_path / "away"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .inner import Thing as Other\nraise SystemExit\n")
    (package / "inner" / "__init__.py").write_text("from ..home import Thing\n")
    (package / "home.py").write_text(
        "from dataclasses import dataclass\n"
        "class Base:\n    def __init__(self, a, *, b: int = 2, **kwargs): pass\n"
        "class Thing(Base):\n    'Hold.'\n"
        "@dataclass\nclass Fields:\n    x: int\n    y: str = 'q'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = source.read("away:Other")
    assert found is not None
    assert (found.name, found.module, found.docstring) == ("Thing", "away.home", "Hold.")
    named = [(each.name, each.type, each.default) for each in found.arguments]
    assert named == [("a", "", ""), ("b", "int", "2"), ("**kwargs", "", "")]
    fields = source.read("away.home:Fields")
    assert fields is not None
    assert [(f.name, f.default) for f in fields.arguments] == [("x", ""), ("y", "'q'")]
    assert source.read("away.home:Nothing") is None
    assert source.read("nowhere.at:All") is None


def test_cp_copies_and_never_overwrites(kssl: Any, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(RECIPE)
    (tmp_path / "folder").mkdir()
    assert "kssl fit mine.yaml" in kssl("cp", "small.yaml", "mine.yaml").out
    assert (tmp_path / "mine.yaml").read_text() == RECIPE
    assert kssl("cp", "small.yaml", "folder").code == 0
    assert (tmp_path / "folder" / "small.yaml").read_text() == RECIPE
    (tmp_path / "mine.yaml").write_text("edited")
    ended = kssl("cp", "small.yaml", "mine.yaml")
    assert ended.code == 2
    assert "mine.yaml exists already" in ended.err
    assert (tmp_path / "mine.yaml").read_text() == "edited"
    assert kssl("cp", "small.yaml", "no/where.yaml").code == 2


def test_cp_of_a_run_is_named_by_its_recipe(kssl: Any, tmp_path: Path, finished: Any) -> None:
    finished("vae")
    assert kssl("cp", "runs/vae/1").code == 0
    assert (tmp_path / "vae.yaml").read_text() == "model: {use: vae}\n"


def test_runs_lists_status_and_main_result(kssl: Any, finished: Any, tmp_path: Path) -> None:
    assert "There are no runs in runs" in kssl("runs").out
    finished("vae")
    Run.create(tmp_path / "runs", "vae").finish("failed", "the loss\n  is [nan]")
    Run.create(tmp_path / "runs", "vae").finish("interrupted")
    lines = kssl("runs").out.splitlines()
    assert lines[0].split() == ["run", "status", "started", "time", "main", "result"]
    assert lines[1].startswith("vae/1   finished")
    assert lines[1].endswith("knn: accuracy 0.97")
    assert lines[2].endswith("the loss is [nan]")
    assert lines[-1].endswith("kssl fit --resume runs/vae/3")


def test_runs_survives_a_damaged_run(kssl: Any, finished: Any) -> None:
    run = finished("vae")
    run.file("results.json").write_text("{")
    run.file("status.json").write_text('{"status": "running", "session": 3}')
    assert kssl("runs").out.splitlines()[1].split() == ["vae/1", "interrupted", "–", "–", "–"]


def test_compare_puts_results_side_by_side(kssl: Any, finished: Any, tmp_path: Path) -> None:
    finished("vae")
    finished("vae", value=0.99)
    ended = kssl("compare", "vae/1", "vae/2", "-o", "curves.png")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["evaluation", "metric", "vae/1", "vae/2"]
    assert lines[1].split() == ["knn", "accuracy", "↑", "0.97", "0.99"]
    assert lines[2].split() == ["best", "baseline", "raw", "input", "0.95", "raw", "input", "0.95"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    again = kssl("compare", "vae/1", "vae/2", "-o", "curves.png")
    assert (again.code, "nothing is overwritten" in again.err) == (2, True)
    finished("vae", value=None)
    third = kssl("compare", "vae/2", "vae/3").out.splitlines()[1]
    assert third.split() == ["knn", "accuracy", "↑", "0.99", "–"]
    assert "two different runs" in kssl("compare", "vae/3", "vae").err


def test_compare_tells_settings_recipes_and_errors_apart(
    kssl: Any, finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"use": "knn", "k": 5, "limit": None}
    settings = {"k": 5, "test": 100, "weights_sha256": "a"}
    finished("vae", asked=asked, settings=settings, value=0.9)
    finished("vae", asked=asked, settings={**settings, "weights_sha256": "b"}, value=0.8)
    third = finished("gan", asked={**asked, "k": 1}, settings={**settings, "k": 1})
    third.write_text("recipe.yaml", "model: {use: gan, filters: [4, 8]}\n")
    monkeypatch.setenv("COLUMNS", "120")
    out = kssl("compare", "vae/1", "vae/2", "gan/1", "-o", "curves.png").out
    assert "knn (k=5)" in out and "knn (k=1)" in out
    (line,) = [line for line in out.splitlines() if line.startswith("knn (k=5)")]
    assert "0.9 ± 0.03" in line and "0.8 ± 0.04" in line and line.endswith("–")
    assert [line.split() for line in out.splitlines() if line.startswith("model")] == [
        ["model.use", "vae", "vae", "gan"],
        ["model.filters", "–", "–", "[4,", "8]"],
    ]
    assert not any(line.startswith("seed") for line in out.splitlines())


def test_evaluate_passes_names_and_settings(kssl: Any, training: Any, finished: Any) -> None:
    run = finished("vae")
    ended = kssl("evaluate", "vae", "linear", "{use: knn, k: 5}", "--backend", "jax")
    assert training.asked["evaluate"] == (run, ["linear", "{use: knn, k: 5}"])
    assert training.asked["choose"]["backend"] == "jax"
    assert "0.97" in ended.out
    kssl("evaluate", "vae")
    assert training.asked["evaluate"] == (run, None)


def test_results_of_one_name_are_told_apart_by_their_settings() -> None:
    from kssl.cli.results import labels

    same = {"name": "knn", "metric": "accuracy", "value": 1.0}
    results = [same | {"settings": {"k": k, "limit": 9}} for k in (5, 20)]
    assert labels(results) == ["knn (k=5)", "knn (k=20)"]
    assert labels(results[:1]) == ["knn"]


def test_own_data_and_neighbours(kssl: Any, training: Any, finished: Any, tmp_path: Path) -> None:
    run = finished("vae")
    kssl("evaluate", "vae", "knn", "--data", "photos/")
    assert training.asked["evaluate"] == (run, ["knn"], "photos/")
    assert "a.png     test    cat     0.5000" in kssl("neighbours", "vae", "x.png", "-k", "3").out
    assert training.asked["neighbours"] == (run, "x.png", 3, None, None)
    (tmp_path / "book.txt").write_text("words")
    for given in (["--data", "book.txt"], ["data=book.txt"]):
        assert kssl("validate", "vae.yaml", *given, "seed=1").code == 0
        override, *rest = training.asked["load"][1]
        assert json.loads(override.removeprefix("data=")) == {"use": "text", "path": "book.txt"}
        assert rest == ["seed=1"]
    kssl("fit", "vae.yaml", "--name", "mine", "data=digits")
    assert training.asked["fit"]["recipe"].name == "mine"


def test_embed_sample_and_preview_write_where_they_are_told(
    kssl: Any, training: Any, finished: Any, tmp_path: Path
) -> None:
    run = finished("vae")
    kssl("embed", "vae", "--data", "{use: digits}", "--split", "train", "-o", "a.npz")
    options = {"data": "{use: digits}", "split": "train"}
    assert training.asked["embed"] == (run, Path("a.npz"), options)
    kssl("sample", "vae", "--count", "9", "--seed", "3")
    assert training.asked["load"] == run
    assert training.asked["sample"] == (Path("samples.png"), {"count": 9, "seed": 3})
    assert "preview.png" in kssl("preview", "vae.yaml", "fit.batch_size=8").out
    assert training.asked["load"] == ("vae.yaml", ("fit.batch_size=8",))
    (tmp_path / "samples.png").write_text("")
    assert kssl("sample", "vae").code == 2
    assert kssl("embed", "vae", "-o", "no/where.npz").code == 2


def test_validate_says_so_or_prints_the_whole(kssl: Any, training: Any) -> None:
    assert kssl("validate", "vae.yaml").out == "vae.yaml is a valid recipe.\n"
    training.data["found"] = ["60 images in photos (.jpg 60)", "2 classes: cat 30, dog 30"]
    assert kssl("validate", "vae.yaml").out.splitlines()[1:] == [
        "data: 60 images in photos (.jpg 60)",
        "data: 2 classes: cat 30, dog 30",
    ]
    assert kssl("validate", "vae.yaml", "--resolved").out == "# vae\nmodel: {use: vae}\n"


def test_report_is_written_from_the_run_alone(kssl: Any, finished: Any, monkeypatch: Any) -> None:
    import kssl.report as room

    run = finished("vae")
    monkeypatch.setattr(room, "write", lambda given: given.file("report.html"), raising=False)
    assert kssl("report", "vae").out.split() == [
        "report",
        str(run.path.relative_to(Path.cwd()) / "report.html"),
    ]


def test_doctor_asks_each_backend_and_survives_one_that_fails(kssl: Any, monkeypatch: Any) -> None:
    from kssl.cli import doctor

    answers = {"tensorflow": {"devices": ["cpu:0"]}, "jax": {"error": "ImportError: [x]"}}
    monkeypatch.setattr(doctor, "_ask", lambda name: answers[name])
    monkeypatch.setattr(
        doctor.importlib.util, "find_spec", lambda name: None if name == "torch" else name
    )
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    out = " ".join(kssl("doctor").out.split())
    assert "cpu:0" in out
    assert "does not start: ImportError: [x]" in out
    assert "torch – not installed: pip install 'kssl[torch]'" in out
    assert "backend jax, from KERAS_BACKEND" in out


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (94.249, "94.25"), (0.00012345, "0.0001234"), (3.0, "3"), (123456.7, "123,457")],
)
def test_numbers(value: float | None, said: str) -> None:
    assert screen.number(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (59.4, "59 s"),
        (151, "2 min 31 s"),
        (3599.7, "1 h 00 min"),
        (7260, "2 h 01 min"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert screen.duration(seconds) == said


def test_a_narrow_terminal_folds_the_text_and_keeps_the_names(
    kssl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = kssl("list", "losses").out.splitlines()
    assert max(len(line) for line in lines) <= 60
    assert any(line.startswith("  importance_weighted_bound ") for line in lines)


def test_in_a_narrow_terminal_the_baselines_are_below_the_best_one_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    baselines = {"untrained": 0.7, "pixels": 0.8, "PCA": None, "pixels, logistic regression": 0.75}
    result = {"name": "knn", "metric": "accuracy", "value": 0.9, "better": "higher"}
    for columns, wanted in {
        "60": [
            "knn  accuracy ↑  0.9",
            "    baselines: pixels 0.8 ·",
            "    pixels, logistic regression 0.75 · untrained 0.7 · PCA –",
        ],
        "120": ["evaluation", "knn"],
    }.items():
        monkeypatch.setenv("COLUMNS", columns)
        results.print_results([{**result, "baselines": baselines}], {})
        lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        found = lines if columns == "60" else [line.split()[0] for line in lines]
        assert found == wanted


def test_a_language_model_writes_to_the_terminal_or_a_file(
    kssl: Any, training: Any, tmp_path: Path
) -> None:
    Run.create(tmp_path / "runs", "gpt").finish()
    training.can = GPT
    asked = ["--prompt", "O", "--top-k", "5", "--temperature", "0.8", "--count", "2"]
    assert "Once\n\n―――\n\nupon" in kssl("sample", "gpt", *asked).out
    sampler = {"name": "top_k", "k": 5, "temperature": 0.8}
    assert training.asked["sample"] == {"count": 2, "seed": None, "prompt": "O", "sampler": sampler}
    kssl("sample", "gpt", "-o", "texts.txt", "--length", "7")
    assert Path("texts.txt").read_text("utf-8") == "Once\n\n―――\n\nupon\n"
    assert training.asked["sample"]["length"] == 7
    assert "sampler" not in training.asked["sample"]  # as the model has it
    kssl("sample", "gpt", "--sampler", "greedy")
    assert training.asked["sample"]["sampler"] == "greedy"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--top-k", "5", "--top-p", "0.5"], "one sampler at a time: top_k, top_p"),
        (["--sampler", "greedy", "--beams", "3"], "one sampler at a time: greedy, beam"),
        (["--temperature", "0"], "--temperature must be above 0"),
        (["--sampler", "heun"], "GPT has no such sampler; it has greedy, random, top_k, top_p, b"),
    ],
)
def test_samplers_that_do_not_go_together_are_refused(
    kssl: Any, training: Any, tmp_path: Path, arguments: list[str], message: str
) -> None:
    Run.create(tmp_path / "runs", "gpt").finish()
    training.can = GPT
    ended = kssl("sample", "gpt", *arguments)
    assert ended.code == 2 and message in ended.err


def test_a_prompt_is_for_models_of_text(kssl: Any, training: Any, tmp_path: Path) -> None:
    Run.create(tmp_path / "runs", "vae").finish()
    ended = kssl("sample", "vae", "--prompt", "O", "--top-k", "5")
    assert ended.code == 2 and "--prompt, --top-k: not for this run's model, VAE" in ended.err


def test_a_class_and_guidance_are_for_models_of_images(
    kssl: Any, training: Any, tmp_path: Path
) -> None:
    Run.create(tmp_path / "runs", "diffusion").finish()
    training.can = DIFFUSION
    asked = ["--label", "7", "--guidance", "3", "--steps", "5"]
    assert kssl("sample", "diffusion", *asked, "--sampler", "heun").code == 0
    settings = {"count": 64, "seed": None, "labels": 7, "guidance": 3.0, "steps": 5}
    assert training.asked["sample"] == (Path("samples.png"), settings | {"sampler": "heun"})
    ended = kssl("sample", "diffusion", "--sampler", "greedy", "-o", "others.png")
    assert ended.code == 2 and "it has ddim, ddpm, heun" in ended.err
    training.can = GPT
    ended = kssl("sample", "diffusion", *asked)
    assert ended.code == 2 and "--label, --guidance, --steps: not for this run's model" in ended.err
    assert "it takes --prompt, --length, --sampler, --temperature" in ended.err
