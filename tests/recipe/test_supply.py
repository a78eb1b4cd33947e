"""What only the run knows reaches the parts that ask for it, at any depth, and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

import kssl
from kssl.recipe import RecipeError, load, schema
from kssl.recipe.build import NotSupplied
from kssl.recipe.supply import Supply

FACTS = {"total_steps": 400, "steps_per_epoch": 40, "examples": 1000, "classes": 7}


def recipe(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "supplied.yaml"
    path.write_text(f"data: digits\n{text}\n")
    loaded = load(path)
    loaded.supply.facts.update(FACTS)
    return loaded


def test_a_schedule_inside_an_optimizer_inside_another_gets_the_steps(tmp_path: Path) -> None:
    loaded = recipe(
        tmp_path,
        "model: autoencoder\n"
        "optimizer: {use: ema, optimizer: {use: adam, learning_rate: "
        "{use: warmup_cosine, peak: 1e-3, warmup: 0.05}}}",
    )
    schedule = loaded.build("optimizer").optimizer._learning_rate
    assert (schedule.total_steps, schedule.rise) == (400, 20)
    path = "optimizer.optimizer.learning_rate.total_steps"
    assert loaded.supply.given == {path: 400} and not loaded.supply.contradicted


def test_a_layer_inside_a_model_gets_the_steps(tmp_path: Path) -> None:
    teacher = "{use: momentum_encoder, encoder: {use: mlp, units: [3]}}"
    loaded = recipe(tmp_path, f"model: {{use: autoencoder, encoder: {teacher}}}")
    assert loaded.build("model").encoder.total_steps == 400


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [
        ("{use: cosine_decay, initial_learning_rate: 1e-3}", 400),
        ("{use: cosine_decay, initial_learning_rate: 1e-4, warmup_steps: 30}", 370),
        ("{use: polynomial_decay, initial_learning_rate: 1e-3}", 400),
    ],
)
def test_keras_own_schedules_end_with_the_run(tmp_path: Path, schedule: str, steps: int) -> None:
    loaded = recipe(
        tmp_path, f"model: autoencoder\noptimizer: {{use: adam, learning_rate: {schedule}}}"
    )
    assert loaded.build("optimizer")._learning_rate.decay_steps == steps


def test_a_period_of_keras_is_no_length_of_a_run(tmp_path: Path) -> None:
    schedule = "{use: exponential_decay, initial_learning_rate: 1e-3, decay_rate: 0.5}"
    loaded = recipe(
        tmp_path, f"model: autoencoder\noptimizer: {{use: adam, learning_rate: {schedule}}}"
    )
    with pytest.raises(RecipeError, match="exponential_decay needs the argument 'decay_steps'"):
        loaded.check()


def test_what_the_recipe_says_wins_and_null_is_nothing(tmp_path: Path) -> None:
    text = "model: {{use: byol, total_steps: {}}}"
    assert recipe(tmp_path, text.format(12)).build("model").total_steps == 12
    assert recipe(tmp_path, text.format("null")).build("model").total_steps == 400


def test_a_contradiction_is_recorded(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, "model: {use: byol, total_steps: 12}")
    loaded.build("model")
    assert loaded.supply.contradicted == {"model.total_steps": (12, 400)}
    agreed = recipe(tmp_path, "model: {use: byol, total_steps: 400}")
    agreed.build("model")
    assert not agreed.supply.contradicted


def test_classes_go_only_where_they_must_be_given(tmp_path: Path) -> None:
    assert recipe(tmp_path, "model: pretext_classifier").build("model").classes == 7
    conditional = recipe(tmp_path, "model: {use: diffusion, network: {use: unet, filters: [8]}}")
    assert conditional.build("model").classes is None


def test_a_fact_is_found_out_only_when_it_is_asked_for(tmp_path: Path) -> None:
    asked: list[str] = []

    def classes() -> int:
        asked.append("classes")
        return 3

    loaded = recipe(tmp_path, "model: pretext_classifier\noptimizer: adam")
    loaded.supply.facts["classes"] = classes
    loaded.build("optimizer")
    assert not asked
    assert loaded.build("model").classes == 3 and asked == ["classes"]


def test_what_neither_the_recipe_nor_the_run_says_is_named(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, "model: pretext_classifier")
    loaded.check()
    loaded.supply.facts.clear()
    message = r"supplied.yaml:2: model: pretext_classifier needs the argument 'classes' \(a whole"
    with pytest.raises(NotSupplied, match=message):
        loaded.build("model")


def test_data_is_given_nothing_but_its_split(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("data: {use: synthetic, shape: [4, 4, 1]}\nmodel: autoencoder\n")
    loaded = load(path)
    loaded.supply.facts.update(FACTS)
    assert len(loaded.dataset("train")) == 512  # its own default, not the run's 1000


def test_the_resolved_recipe_leaves_to_the_run_what_the_recipe_does(tmp_path: Path) -> None:
    schedule = "{use: warmup_cosine, peak: 1.0}"
    loaded = recipe(tmp_path, f"model: byol\noptimizer: {{use: adam, learning_rate: {schedule}}}")
    before = loaded.resolved()
    loaded.build("optimizer")
    loaded.build("model")
    assert loaded.resolved() == before and "total_steps" not in before


def test_the_record_holds_plain_data_only() -> None:
    supply = Supply()
    supply.given.update({"a.total_steps": 4, "b.vocabulary": object(), "c.categories": (2, 3)})
    assert supply.plain() == {"a.total_steps": 4, "c.categories": [2, 3]}


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (keras.layers.Layer | None, "layers"),
        (kssl.layers.MLP, "layers"),
        (keras.Model, "models"),
        (list[keras.losses.Loss], "losses"),
        (float | keras.optimizers.schedules.LearningRateSchedule, "schedules"),
        (keras.optimizers.Optimizer, "optimizers"),
        (keras.callbacks.Callback, "callbacks"),
        (keras.initializers.Initializer | str, "initializers"),
        (dict[str, kssl.modalities.Modality], "modalities"),
        (tf.data.Dataset, "datasets"),
        (kssl.pretext.batching.MapFunction, "transforms"),
        (Callable[[int], dict], None),
        (str | int | None, None),
        (Any, None),
    ],
)
def test_the_kind_follows_from_the_annotation(annotation: Any, kind: str | None) -> None:
    assert schema.kind_of_annotation(annotation) == kind


def test_an_annotation_counts_more_than_a_name() -> None:
    assert schema.kind_of_argument("data", "models", keras.layers.Layer) == "layers"
    assert schema.kind_of_argument("critic", "models", keras.optimizers.Optimizer) == "optimizers"
    assert schema.kind_of_argument("loss", "models", Any) == "losses"


def test_a_modality_is_an_object_by_its_name_alone(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, "model: {use: autoencoder, modality: table}")
    assert loaded.build("model").modality == kssl.modalities.Table()
    assert "modality:\n    use: table" in loaded.resolved()
    wrong = recipe(tmp_path, "model: {use: autoencoder, modality: tabel}")
    with pytest.raises(RecipeError, match="'tabel' is not among the modalities; did you mean"):
        wrong.check()


def test_where_a_keras_model_is_taken_a_layer_will_do(tmp_path: Path) -> None:
    loaded = recipe(
        tmp_path, "model: {use: bert, vocabulary_size: 9, backbone: {use: mlp, units: [2]}}"
    )
    with pytest.raises(
        RecipeError, match="backbone must be a keras_hub.models.BertBackbone; got MLP"
    ):
        loaded.build("model")
