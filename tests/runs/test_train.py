"""From a recipe to a run: what is written, and that a run goes on exactly after a kill."""

from __future__ import annotations

import csv
import importlib
import os
import random
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import kssl
from kssl.errors import RunError, UserError
from kssl.recipe import load
from kssl.runs import Prepared, Run, dry_run, embed, evaluate, fit, notices, prepare, sample_images
from kssl.runs import load as load_run
from kssl.system import devices

SMALL = """# A small recipe for the tests.
seed: 3
data: {use: synthetic, shape: [8, 8, 1], examples: 256}
pretext: [to_float, binarize]
model:
  use: vae
  latent_dim: 2
  encoder: {use: mlp, units: [16], dropout: 0.2}
  annealing_steps: 20
fit: {batch_size: 32, epochs: 2, checkpoint_seconds: 0}
callbacks: [{use: sample_grid, every: 1}, {use: early_stopping, monitor: loss, patience: 50}]
evaluate: [{use: log_likelihood, samples: 5}, reconstruction, knn]
"""


@pytest.fixture
def recipe_file(tmp_path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    (folder / "small.yaml").write_text(SMALL)
    return fit(load(folder / "small.yaml"), root=folder / "runs", command="kssl fit small.yaml")


def rows(run: Run) -> list[dict[str, str]]:
    with run.file("metrics.csv").open() as stream:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]


def weights(path: Path) -> list[np.ndarray]:
    model = keras.models.load_model(path)
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def test_a_run_has_all_its_files_and_says_what_it_was(run):
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        "recipe.yaml",
        "data.json",
        "environment.json",
        "status.json",
        "metrics.csv",
        "events",
        "checkpoints",
        "model.keras",
        "encoder.keras",
        "figures",
        "results.json",
        "report.html",
    }
    assert run.status == "finished"
    assert run.read_json("environment.json")["command"] == "kssl fit small.yaml"
    assert run.read_json("data.json")["used"] == "synthetic"
    (few,) = run.read_json("warnings.json")
    assert "training steps in all" in few and few in run.file("report.html").read_text()
    assert [row["epoch"] for row in rows(run)] == ["1", "2"]
    assert {"loss", "kl", "val_loss", "learning_rate"} <= rows(run)[0].keys()
    assert len(list(run.figures.glob("samples_epoch_*.png"))) == 2
    assert list(run.file("events").rglob("events.out.*"))
    assert not [path for path in run.path.rglob(".*")], "temporary files are left"


def test_results_stand_beside_their_baselines(run):
    results = {result["name"]: result for result in run.read_json("results.json")["results"]}
    assert results.keys() == {"log_likelihood", "reconstruction", "knn"}
    for result in results.values():
        assert any("untrained" in name for name in result["baselines"])


def test_the_resolved_recipe_replays_the_run(run, tmp_path):
    again = fit(load(run.path), root=tmp_path)
    assert rows(again) == rows(run)
    for first, second in zip(
        weights(run.file("model.keras")), weights(again.file("model.keras")), strict=True
    ):
        np.testing.assert_array_equal(first, second)
    assert again.name == "small/1"


def test_the_encoder_alone_gives_the_same_embeddings(run, tmp_path):
    path = embed(run, tmp_path / "embeddings.npz")
    stored = np.load(path)
    arrays = load_run(run).test.arrays()
    got = keras.models.load_model(run.file("encoder.keras")).predict(arrays["image"], verbose=0)
    np.testing.assert_allclose(got, stored["embeddings"], atol=1e-5)
    np.testing.assert_array_equal(stored["labels"], arrays["label"])


def test_embeds_other_data_and_refuses_other_shapes(run, tmp_path):
    other = "{use: synthetic, shape: [8, 8, 1], examples: 64, seed: 9}"
    path = embed(run, tmp_path / "a.npz", data=other, split="train")
    assert len(np.load(path)["embeddings"]) == 64
    with pytest.raises(UserError, match=r"\(9, 8, 1\), the model takes \(8, 8, 1\)"):
        embed(run, tmp_path / "b.npz", data="{use: synthetic, shape: [9, 8, 1]}")
    assert not (tmp_path / "b.npz").exists()


def test_samples_depend_on_the_seed_alone(run, tmp_path):
    first, second, third = (
        sample_images(load_run(run), tmp_path / f"{number}.png", 9, seed).read_bytes()
        for number, seed in enumerate((1, 1, 2))
    )
    assert first == second != third


def test_a_second_evaluation_replaces_only_what_was_asked_alike(run):
    before = run.read_json("results.json")["results"]
    for _ in range(2):
        evaluate(run, ["{use: knn, k: 3}"])
        after = run.read_json("results.json")["results"]
        assert after[:-1] == before and after[-1]["settings"]["k"] == 3


def test_a_dry_run_says_what_it_costs_and_writes_nothing(
    recipe_file, tmp_path, monkeypatch, no_figures
):
    monkeypatch.chdir(tmp_path)
    cost = dry_run(load(recipe_file))
    # encoder 64·16+16, two heads 16·2+2, decoder 2·400+400, pixels 400·64+64, the annealing step
    assert cost["parameters"] == 1040 + 2 * 34 + 1200 + 25664 + 1
    assert cost["steps"] == 2 * (cost["examples"]["train"] // 32)
    evaluations = ["log_likelihood", "reconstruction", "knn"]
    assert [*cost["seconds"]] == ["preparing", "training", *evaluations, "report"]
    assert all(each > 0 for each in cost["seconds"].values())
    assert cost["seconds"]["training"] > cost["steps"] * cost["seconds_per_step"]  # validation too
    assert cost["seconds_total"] == pytest.approx(sum(cost["seconds"].values()))
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(("wanted", "taken"), [(1, 1), (3, 2), (8, 8), (1000, 8)])
def test_an_epoch_is_a_whole_number_of_executions(recipe_file, wanted, taken):
    """256 examples in batches of 32 are 8 steps: Keras would round an epoch up, not down."""
    recipe = load(recipe_file, [f"fit.steps_per_execution={wanted}"])
    assert prepare(recipe).model.steps_per_execution == taken


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("pretext=[]", "got uint8: divide bytes by 255, or use the transform to_float"),
        ("model.encoder.units=[400000000]", "a model with a weight of shape"),
        ("model.encoder={use: conv_encoder, filters: [-3]}", "filters must be positive"),
        ("data={use: images, path: nowhere}", "there is no 'nowhere'"),
        (
            "data={use: arrays, path: FOLDER/wide.npy}",
            r"to_float, binarize cannot be read: .*\[0, 1\]",
        ),
    ],
)
def test_what_does_not_go_together_is_found_before_anything_is_written(
    recipe_file, tmp_path, override, message
):
    np.save(tmp_path / "wide.npy", np.full((30, 8, 8, 1), 7.0, "float32"))
    with pytest.raises(UserError, match=message):
        fit(load(recipe_file, [override.replace("FOLDER", str(tmp_path))]), root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_loss_that_explodes_fails_the_run_and_says_so(recipe_file, tmp_path):
    recipe = load(recipe_file, ["optimizer={use: sgd, learning_rate: 1e30}", "evaluate=[]"])
    with pytest.raises(RunError, match="the loss became (nan|inf) in epoch 1"):
        fit(recipe, root=tmp_path)
    assert Run.open(tmp_path / "small").status == "failed"


def test_examples_that_are_classes_of_their_own_have_no_validation(tmp_path, no_figures):
    changes = ["data={use: synthetic, examples: 64}", "fit.batch_size=16", "fit.epochs=1"]
    run = fit(load("instance_fashion", [*changes, "jit=false", "evaluate=[]"]), root=tmp_path)
    (row,) = rows(run)
    assert float(row["loss"]) > 0 and not any(name.startswith("val_") for name in row)


def test_data_that_cannot_be_had_is_replaced_only_where_allowed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "empty"))
    monkeypatch.delenv("KSSL_DATA_DIR", raising=False)
    preparing = importlib.import_module("kssl.data.sources.tfds_builder")
    monkeypatch.setattr(preparing, "_download", refuse)
    path = tmp_path / "standing.yaml"
    own = "{use: synthetic, shape: [8, 8, 1], examples: 256}"
    path.write_text(SMALL.replace(own, "{use: mnist, stand_in: digits}"))
    overrides = ["fit.epochs=1", "fit.steps_per_epoch=2", "evaluate=[]", "callbacks=[]"]
    run = fit(load(path, overrides), root=tmp_path / "runs")
    record = run.read_json("environment.json")["data"]
    assert (record["used"], record["stand_in_for"]) == ("digits", "mnist")
    assert "does NOT use mnist" in capsys.readouterr().err
    assert "digits" in run.file("report.html").read_text()
    with pytest.raises(UserError, match="the stand-in digits was refused"):
        fit(load(path, overrides), root=tmp_path / "other", allow_stand_in=False)


def refuse(*_, **__):
    raise kssl.data.Unavailable("mnist: there is no network in this test")


@pytest.mark.slow  # test_resume.py and test_killed.py kill runs at the places that matter
@pytest.mark.timeout(3600)  # trainings in processes that start from nothing
@pytest.mark.parametrize("times", [1, 3])
def test_killed_at_random_moments_a_run_ends_with_the_same_weights(times, tmp_path):
    """`kill -9`, resume, and again: bit for bit the weights of the run that was left alone."""
    seed = int.from_bytes(os.urandom(2))
    moments = random.Random(seed)
    path = tmp_path / "killed.yaml"
    path.write_text(SMALL.replace("epochs: 2", "epochs: 12, steps_per_execution: 2"))
    quick = ["evaluate=[]", "~callbacks"]
    steps = sorted(moments.sample(range(2, 12 * 6), times))
    whole = fit(load(path, quick), root=tmp_path / "whole")
    process = start(tmp_path, "killed", str(path), *quick)
    try:
        for step in steps:
            wait_for_step(tmp_path / "killed", step, process)
            time.sleep(moments.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = start(tmp_path, "killed", "--resume", "killed/1")
        assert process.wait() == 0, (tmp_path / "log.txt").read_text()
    finally:
        process.kill()  # where the test itself was stopped
    killed = Run.open(tmp_path / "killed" / "killed")
    first, second = (checkpoint_arrays(run) for run in (whole, killed))
    assert first.keys() == second.keys()
    for name in first:
        assert np.array_equal(first[name], second[name]), f"{name} differs; seed {seed}, {steps}"
    assert rows(whole) == rows(killed)


def start(folder: Path, root: str, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "kssl", "fit", *arguments, "--runs-dir", root]
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def wait_for_step(root: Path, step: int, process: subprocess.Popen) -> None:
    while process.poll() is None:
        done = [int(path.stem[5:]) for path in root.glob("killed/1/checkpoints/step-*.npz")]
        if max(done, default=0) >= step:
            return
        time.sleep(0.01)


def checkpoint_arrays(run: Run) -> dict[str, np.ndarray]:
    newest = max(run.checkpoints.glob("step-*.npz"))
    with np.load(newest) as file:
        return {name: file[name] for name in file.files if name != "state"}


@pytest.mark.parametrize(
    ("count", "loss", "said"), [(4, "triplet", True), (4, "", False), (1, "triplet", False)]
)
def test_it_is_said_where_no_device_sees_the_whole_batch(count, loss, said, monkeypatch, capsys):
    """On TensorFlow the examples of a batch are compared within each replica's part."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow's replicas see their own part")
    model = kssl.models.Metric(loss=kssl.losses.Triplet()) if loss else kssl.models.AutoEncoder(2)
    data = types.SimpleNamespace(train=types.SimpleNamespace(batch_size=128))
    monkeypatch.setattr(devices, "count", lambda: count)
    notices.of_replicas(Prepared(None, data, model))
    note = "note: triplet compares the examples of a batch, and on TensorFlow each of the 4 devices"
    assert (note in " ".join(capsys.readouterr().out.split())) is said
