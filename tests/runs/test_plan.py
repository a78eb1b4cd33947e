"""What a run knows reaches its parts, and what does not fit together is said in one line."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kssl
from kssl.errors import UserError
from kssl.recipe import load
from kssl.runs import dry_run, notices, plan
from kssl.runs.plan import Prepared, prepare
from kssl.runs.train import fit

pytestmark = pytest.mark.usefixtures("no_figures")

SMALL = """# A small recipe for the tests.
data: {use: synthetic, shape: [16, 16, 1], examples: 128}
pretext: [to_float]
model: {use: autoencoder, latent_dim: 2, encoder: {use: mlp, units: [4]}}
optimizer:
  use: ema
  optimizer:
    use: adam
    learning_rate: {use: warmup_cosine, peak: 1e-2, warmup: 0.25}
fit: {batch_size: 32, epochs: 4}
"""


def recipe(tmp_path: Path, *changes: str, text: str = SMALL) -> Any:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return load(path, changes)


def prepared(tmp_path: Path, *changes: str) -> Prepared:
    return prepare(recipe(tmp_path, *changes))


def schedule_of(run: Prepared) -> Any:
    return run.model.optimizer.optimizer._learning_rate


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ([], 16),
        (["fit.epochs=5"], 20),
        (["data.examples=64"], 8),
        (["fit.batch_size=64"], 8),
        (["fit.steps_per_epoch=3"], 12),
    ],
)
def test_a_schedule_follows_the_length_of_the_run(
    tmp_path: Path, changes: list[str], total: int
) -> None:
    schedule = schedule_of(prepared(tmp_path, *changes))
    assert (schedule.total_steps, schedule.rise) == (total, total // 4)


def test_a_length_that_is_not_the_runs_is_named_in_a_note(tmp_path: Path, capsys: Any) -> None:
    place = "optimizer.optimizer.learning_rate.total_steps"
    run = prepared(tmp_path, f"{place}=3424")
    assert schedule_of(run).total_steps == 3424
    notices.of_contradictions(run.recipe)
    assert " ".join(capsys.readouterr().out.split()) == (
        f"note: {place} is 3424, but this run has 16 steps: leave it out and it follows the run"
    )
    notices.of_contradictions(prepared(tmp_path, f"{place}=16").recipe)
    assert not capsys.readouterr().out


def test_a_run_trains_as_long_as_its_schedule_and_replays(tmp_path: Path, capsys: Any) -> None:
    run = fit(recipe(tmp_path), root=tmp_path / "runs")
    supplied = run.read_json("environment.json")["supplied"]
    assert supplied == {"optimizer.optimizer.learning_rate.total_steps": 16}
    assert "total_steps" not in (run.path / "recipe.yaml").read_text()
    assert "note: optimizer" not in capsys.readouterr().out
    again = prepare(load(run.path))
    assert schedule_of(again).get_config() == schedule_of(prepared(tmp_path)).get_config()
    assert again.recipe.build("optimizer").optimizer._learning_rate.total_steps == 16


def test_a_task_tells_the_model_what_it_needs(tmp_path: Path) -> None:
    classifier = "model={use: pretext_classifier, encoder: {use: conv_net, filters: [4]}}"
    turned = prepared(tmp_path, classifier, "pretext=[to_float, rotate]").model
    assert (turned.classes, turned.inputs) == (4, "image")
    puzzle = "{use: jigsaw, permutations: 6, grid: 2}"
    sorted_ = prepared(tmp_path, classifier, f"pretext=[to_float, {puzzle}]").model
    assert (sorted_.classes, sorted_.inputs, sorted_.parts) == (6, "tiles", 4)
    patches = "{use: relative_position, patch: 3}"
    placed = prepared(tmp_path, classifier, f"pretext=[to_float, {patches}]").model
    assert (placed.classes, placed.inputs, placed.parts) == (8, "patches", 2)
    films = "data={use: moving_digits, size: 8, frames: 6, count: 1, examples: 64}"
    order = "pretext=[{use: to_float, key: video}, frame_order]"
    ordered = prepared(tmp_path, classifier, films, order).model
    assert (ordered.classes, ordered.inputs, ordered.parts) == (2, "frames", 3)
    turns = prepared(tmp_path, classifier, "pretext=[to_float, {use: rotate, all_four: true}]")
    assert (turns.model.classes, turns.model.copies) == (4, 4)
    examples = prepared(tmp_path, classifier, "pretext=[to_float, {use: exemplar, preset: small}]")
    assert (examples.model.classes, examples.model.inputs) == (128, "view_1")


def test_without_a_task_a_classifier_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs the argument 'classes' .* this run does not know"):
        prepared(tmp_path, "model=pretext_classifier")


def test_a_teacher_follows_the_length_of_the_run(tmp_path: Path) -> None:
    views = "pretext=[to_float, {use: two_views, preset: small}]"
    for name in ("byol", "dino"):
        network = f"model={{use: {name}, encoder: {{use: conv_net, filters: [4]}}}}"
        assert prepared(tmp_path, network, views).model.total_steps == 16


def test_the_labels_of_the_data_are_no_classes_for_a_model_that_may_not_see_them(
    tmp_path: Path,
) -> None:
    run = prepared(tmp_path, "model={use: diffusion, network: {use: unet, filters: [4, 4]}}")
    assert run.data.train.count_classes() == 10 and run.model.classes is None


def sounds(folder: Path) -> str:
    for number in range(24):
        file = folder / f"{number}.wav"
        with wave.open(str(file), "wb") as stream:
            stream.setnchannels(1)
            stream.setsampwidth(2)
            stream.setframerate(8000)
            noise = np.random.default_rng(number).normal(size=256) * 3000
            stream.writeframes(noise.astype("<i2").tobytes())
    return f"{{use: audio, path: '{folder}', length: 256}}"


def table(folder: Path) -> str:
    lines = [f"{n % 7},{n % 5}.5,{'ab'[n % 2]},{'xyz'[n % 3]}" for n in range(80)]
    (folder / "t.csv").write_text("\n".join(["age,weight,city,kind", *lines]))
    return f"{{use: tabular, path: '{folder}/t.csv'}}"


def test_an_autoencoder_reads_what_the_data_is(tmp_path: Path) -> None:
    sound = prepared(tmp_path, f"data={sounds(tmp_path)}", "pretext=[]").model
    assert sound.modality == kssl.modalities.Audio() and sound.example_shape == (256,)
    clips = "data={use: moving_digits, examples: 40, frames: 4}"
    film = prepared(tmp_path, clips, "pretext=[{use: to_float, key: video}]").model
    assert film.modality == kssl.modalities.Video() and film.example_shape[0] == 4
    rows = prepared(tmp_path, f"data={table(tmp_path)}", "pretext=[one_hot]").model
    assert rows.modality == kssl.modalities.Table()
    assert rows.example_shape == {"numeric": (2 + 3 + 4,)}


@pytest.mark.parametrize(
    ("pretext", "message"),
    [
        ("[to_float]", "tabular with to_float: to_float reads 'image', which the example lacks; .*"
                       "there is: categorical, numeric; give it key=… .* or leave it out"),
        ("[]", "reads one tensor, and the table has numeric and categorical: put .* one_hot"),
    ],
)  # fmt: skip
def test_a_table_that_a_model_cannot_read_is_said_in_one_line(
    tmp_path: Path, pretext: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        prepared(tmp_path, f"data={table(tmp_path)}", f"pretext={pretext}")
    assert "\n" not in str(error.value)


def test_data_of_another_kind_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        prepared(tmp_path, "model={use: gpt, vocabulary_size: 9, depth: 1, heads: 1, width: 4}")
    assert str(error.value) == (
        "GPT reads data of the kind 'tokens', but the data has no 'tokens'; it has image: choose "
        "data or a model of the other's kind, or put a transform in front that makes what is "
        "missing"
    )
    with pytest.raises(UserError, match="of the keys text none is left .* such as tokenize"):
        prepared(tmp_path, "data=python_topics", "pretext=[]")


def test_a_dry_run_says_it_too(tmp_path: Path, capsys: Any) -> None:
    place = "optimizer.optimizer.learning_rate.total_steps"
    dry_run(recipe(tmp_path, f"{place}=7"))
    assert f"note: {place} is 7, but this run has 16 steps" in " ".join(
        capsys.readouterr().out.split()
    )


KEPT = Path(__file__).resolve().parent.parent / "kept"


@pytest.mark.parametrize("name", sorted(path.name for path in KEPT.iterdir()))
def test_the_lengths_in_runs_of_version_0_1_are_taken_as_they_are(name: str) -> None:
    old = load(KEPT / name / "1")
    old.check()
    old.supply.facts["total_steps"] = 1
    rate = getattr(old.build("optimizer"), "optimizer", None) or old.build("optimizer")
    schedule = rate._learning_rate
    written = json.dumps(old.resolved())
    for length in ("total_steps", "decay_steps"):
        assert (f"{length}: " in written) == (hasattr(schedule, length))
        if hasattr(schedule, length):
            assert f"{length}: {getattr(schedule, length)}" in written


@pytest.mark.parametrize("wanted", [True, "auto"])
def test_pytorch_has_no_xla_to_compile_with(wanted, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert plan._jit(wanted) is False
