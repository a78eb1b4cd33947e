"""Figures of a PCA model on real digits: what is drawn, what is left out, what fails aloud."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib import image as pictures
from matplotlib.colors import to_rgb

import kssl.models
import kssl.report
from kssl.errors import UserError
from kssl.report import canvas, latent, learning_curves
from kssl.runs.directory import Run


def drawn(run: Any) -> dict[str, dict[str, Any]]:
    return {entry["title"]: entry for entry in run.read_json("figures/figures.json")}


def test_every_figure_of_a_model_that_offers_all(run: Any, model: Any, split: Any) -> None:
    entries = kssl.report.draw(run, model, split, split)
    titles = [entry["title"] for entry in entries]
    assert titles == [
        "Learning curves",
        "Reconstructions",
        "Samples",
        "Latent manifold",
        "Interpolations",
        "Embedding map",
        "Nearest neighbours",
    ]
    assert [entry for entry in entries if "error" in entry] == []
    assert entries == run.read_json("figures/figures.json")
    for entry in entries:
        picture = pictures.imread(run.figures / entry["file"])
        assert picture.shape[1] > 600 and picture.std() > 0.05  # not blank
    kssl.report.write(run)
    page = run.file("report.html").read_text()
    assert page.count("data:image/png") == 2 * 7  # for a light and for a dark page


def test_the_same_figures_each_time(run: Any, model: Any, split: Any) -> None:
    split.images, split.labels = split.images[:40], split.labels[:40]
    kssl.report.draw(run, model, split, split, seed=3)
    first = {path.name: path.read_bytes() for path in run.figures.glob("*.png")}
    kssl.report.draw(run, model, split, split, seed=3)
    assert first == {path.name: path.read_bytes() for path in run.figures.glob("*.png")}
    kssl.report.draw(run, model, split, split, seed=4)
    assert first["samples.png"] != (run.figures / "samples.png").read_bytes()


def test_what_a_model_lacks_is_left_out(empty_run: Any, split: Any) -> None:
    kssl.report.draw(empty_run, keras.Sequential([keras.layers.Flatten()]), split, split)
    assert drawn(empty_run) == {}
    kssl.report.draw(empty_run, keras.Sequential([keras.layers.Flatten()]), None, None)
    assert drawn(empty_run) == {}


def test_a_figure_that_fails_says_why_and_harms_no_other(
    run: Any, model: Any, split: Any, monkeypatch: Any
) -> None:
    def broken(count: int, seed: int | None = None) -> Any:
        raise MemoryError("64 images are too many")

    monkeypatch.setattr(model, "generate", broken)
    kssl.report.draw(run, model, split, split)
    entries = drawn(run)
    assert entries["Samples"]["error"] == "MemoryError: 64 images are too many"
    assert entries["Samples"]["file"] is None
    assert not (run.figures / "samples.png").exists()
    assert entries["Latent manifold"]["file"] == "manifold.png"


def test_a_corrupting_model_shows_what_it_was_given(empty_run: Any, split: Any) -> None:
    model = kssl.models.DenoisingAutoEncoder(latent_dim=2, noise="masking", amount=0.5)
    model.build((None, 8, 8, 1))
    kssl.report.draw(empty_run, model, split, split)
    assert "corrupted copies" in drawn(empty_run)["Reconstructions"]["caption"]
    height = pictures.imread(empty_run.figures / "reconstructions.png").shape[0]
    plain = kssl.models.AutoEncoder(latent_dim=2)
    plain.build((None, 8, 8, 1))
    kssl.report.draw(empty_run, plain, split, split)
    two_rows = pictures.imread(empty_run.figures / "reconstructions.png").shape[0]
    assert height == pytest.approx(1.5 * two_rows, rel=0.1)


def test_data_without_labels_has_one_colour(empty_run: Any, model: Any, split: Any) -> None:
    split.labels = None
    kssl.report.draw(empty_run, model, split, split)
    assert "no labels" in drawn(empty_run)["Embedding map"]["caption"]


def test_a_collapsed_embedding_has_no_tsne_and_ends_nothing(
    empty_run: Any, split: Any, real_tsne: None, recwarn: Any
) -> None:
    model = kssl.models.AutoEncoder(latent_dim=3)
    model.build((None, 8, 8, 1))
    model.set_weights([0.1 + 0.0 * weight for weight in model.get_weights()])
    last = model.to_latent.weights[-2]
    last.assign(0.0 * last)  # whatever goes in, the bias comes out
    kssl.report.draw(empty_run, model, split, split)
    entry = drawn(empty_run)["Embedding map"]
    assert "collapsed, and there is no t-SNE" in entry["caption"] and entry["file"]
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]
    assert latent.collapsed(np.full((30, 4), 0.3, np.float32))
    assert not latent.collapsed(np.eye(4))


def test_embeddings_that_are_extreme_end_nothing(real_tsne: None) -> None:
    rows = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    for scale in (1e20, 1e37):
        axes = latent.embedding_map(rows * np.float32(scale), None, 0).axes
        assert [each.get_title()[:4] for each in axes] == ["PCA ", "t-SN"]
        assert "nan" not in axes[0].get_title()
    rows[3, 1] = np.nan
    with pytest.raises(ValueError, match="the embeddings are not finite: training has diverged"):
        latent.embedding_map(rows, None, 0)


def test_the_examples_that_are_shown_are_not_of_one_class(
    empty_run: Any, model: Any, split: Any
) -> None:
    """A folder is read class by class, and figures show the first dozen."""
    order = np.argsort(split.labels, kind="stable")
    split.images, split.labels = split.images[order], split.labels[order]
    from kssl.report.scene import scene_of

    scene = scene_of(empty_run, model, split, 0)
    assert len(set(scene.labels[:12].tolist())) > 4
    kept = {image.tobytes(): label for image, label in zip(split.images, split.labels, strict=True)}
    assert all(
        kept[image.tobytes()] == label
        for image, label in zip(scene.examples, scene.labels, strict=True)
    )


def test_neighbours_are_counted_by_class(empty_run: Any, model: Any, split: Any) -> None:
    split.images, split.labels = np.repeat(split.images[:10], 6, axis=0), np.arange(60) // 6
    kssl.report.draw(empty_run, model, split, split)
    caption = drawn(empty_run)["Nearest neighbours"]["caption"]
    assert "nearest of 60 test images" in caption and "60 of these 60 are of the same" in caption


def test_tsne_keeps_clusters_apart_and_repeats(real_tsne: None) -> None:
    random = np.random.RandomState(0)
    labels = np.repeat([0, 1], 20)
    rows = (random.randn(40, 60) + 9.0 * labels[:, None]).astype(np.float32)
    points = latent._tsne(rows, seed=0)
    centres = np.stack([points[labels == value].mean(axis=0) for value in (0, 1)])
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
    assert (distances.argmin(axis=1) == labels).all()
    np.testing.assert_array_equal(points, latent._tsne(rows, seed=0))


def test_pictures_are_clipped_and_laid_out_row_by_row() -> None:
    values = np.array([-1.0, 0.25, 2.0]).reshape(3, 1, 1, 1)
    sheet = canvas.tiled(canvas.as_pictures(values), columns=2, gap=1)
    np.testing.assert_allclose(sheet, [[0, np.nan, 0.25], [np.nan] * 3, [1, np.nan, np.nan]])
    assert canvas.as_pictures(np.zeros((2, 4, 4, 3))).shape == (2, 4, 4, 3)
    with pytest.raises(ValueError, match=r"got shape \(2, 7\)"):
        canvas.as_pictures(np.zeros((2, 7)))


def test_the_grid_has_equal_probability_between_its_points() -> None:
    from scipy.stats import norm

    grid = latent.quantile_grid(4).reshape(4, 4, 2)
    np.testing.assert_allclose(norm.cdf(grid[0, :, 0]), [0.125, 0.375, 0.625, 0.875], atol=1e-6)
    assert (np.diff(grid[:, 0, 1]) < 0).all()  # the top row is the largest


def test_interpolation_goes_in_equal_steps_from_end_to_end() -> None:
    line = latent.interpolated(np.zeros((2, 3)), np.full((2, 3), 4.0), 5)
    np.testing.assert_allclose(line[:, 0], [0, 1, 2, 3, 4] * 2)


def test_curves_read_what_keras_writes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,seconds,loss,val_loss,learning_rate\n0,3,2.5,2.6,0.1\n1,3,,2.4,0.1\n")
    columns = learning_curves.read(path)
    assert columns["epoch"] == [1.0, 2.0]  # epochs counted from 0 become 1, 2
    assert columns["loss"][0] == 2.5 and np.isnan(columns["loss"][1])
    assert learning_curves.metrics(columns) == ["loss"]  # neither the clock nor a constant
    assert learning_curves.read(tmp_path / "none.csv") == {}


def test_curves_of_several_runs(run: Any, tmp_path: Path) -> None:
    other = Run.create(tmp_path / "runs", "vae_mnist")
    with run.file("metrics.csv").open() as file:
        rows = list(csv.reader(file))
    other.write_text("metrics.csv", "\n".join(",".join(row[:4]) for row in rows[:6]))
    path = kssl.report.curves([run, other], tmp_path / "both.png")
    assert pictures.imread(path).std() > 0.05
    assert b"<svg" in kssl.report.curves([run], tmp_path / "one.svg").read_bytes()


def test_curves_of_runs_without_metrics_are_an_error(empty_run: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run has a metrics.csv.*vae_mnist/1"):
        kssl.report.curves([empty_run], tmp_path / "none.png")


NAMES = "zero one two three four five six seven eight nine".split()


def test_classes_have_names_and_planes_a_frame(split: Any) -> None:
    rows = split.images[:60].reshape(60, -1)
    sheet = latent.embedding_map(rows, split.labels[:60], 0, NAMES)
    (legend,) = sheet.legends
    assert [text.get_text() for text in legend.get_texts()] == NAMES
    for axes in sheet.axes:
        assert all(spine.get_visible() for spine in axes.spines.values())
        assert {text.get_text() for text in axes.texts} == set(NAMES)


def test_a_class_beyond_the_names_keeps_its_number() -> None:
    assert [latent.class_name(np.int64(n), ["cat"]) for n in (0, 1, -1)] == ["cat", "1", "-1"]
    assert latent.class_name(np.float32(0.5), ["cat"]) == "0.5"


def test_what_the_transforms_make_is_shown(
    empty_run: Any, split: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = keras.Sequential([keras.layers.Flatten()])
    kssl.report.draw(empty_run, nothing, split, split)
    assert drawn(empty_run) == {}  # what goes in comes out
    arrays = split.arrays

    def turned(limit: int | None = None, transformed: bool = True, **_: Any) -> Any:
        batch = arrays(limit)
        return {**batch, "image": batch["image"][:, ::-1]} if transformed else batch

    monkeypatch.setattr(split, "arrays", turned)
    kssl.report.draw(empty_run, nothing, split, split)
    entry = drawn(empty_run)["What the model is trained on"]
    assert "error" not in entry and "transforms" in entry["caption"]


def test_views_that_a_model_makes_itself_are_shown(empty_run: Any, split: Any) -> None:
    from kssl.report.scene import Scene
    from kssl.report.task_figure import views_on_device

    model = kssl.models.SimCLR(kssl.layers.ConvNet([4]), augment="device")
    model.build((None, 8, 8, 1))
    assert model.figures()["task"][1] == "kssl.report.task_figure:views_on_device"
    sheet, _ = views_on_device(Scene(empty_run, model, split.images[:6], None, 0))
    (axes,) = sheet.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["test image", "first view", "second view"]
    shown = axes.images[0].get_array().filled(0.0)
    first, second = shown[10:18], shown[20:28]
    assert np.abs(first - second).max() > 0.1  # two views, not one twice
    assert kssl.models.SimCLR(kssl.layers.ConvNet([4])).figures() == {}


def test_one_epoch_is_numbers_beside_points() -> None:
    columns = {"epoch": [1.0], "loss": [2.5], "val_loss": [3.25]}
    columns |= {"accuracy": [0.5], "val_accuracy": [0.25], "kl": [2.0], "val_kl": [3.0]}
    axes, accuracy, kl = learning_curves.draw(columns).axes
    assert [text.get_text().strip() for text in accuracy.texts][1] == "validation 25.00 %"
    assert kl.get_ylabel() == "nats" and axes.get_ylabel() == ""
    assert [text.get_text().strip() for text in axes.texts] == ["training 2.5", "validation 3.25"]
    assert list(axes.get_xticks()) == [1.0]
    assert axes.get_legend() is None


def test_a_dark_figure_has_light_words_and_the_same_pictures(tmp_path: Path) -> None:
    from matplotlib.colors import to_hex

    pixels = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 2, 2)
    with canvas.style():
        sheet = canvas.labelled_rows([("test image", pixels)])
        before = sheet.axes[0].images[0].get_array().filled(np.nan)
        canvas.darken(sheet)
        canvas.save(sheet, tmp_path / "dark.png")
    corner = pictures.imread(tmp_path / "dark.png")[0, 0, :3]
    assert to_hex(corner) == canvas.DARK["white"]
    (label,) = sheet.axes[0].get_yticklabels()
    assert to_hex(label.get_color()) == canvas.DARK[canvas.INK]
    np.testing.assert_array_equal(sheet.axes[0].images[0].get_array().filled(np.nan), before)
    assert np.isnan(before[:, 2:4]).all()  # the page is seen between pictures


def test_every_colour_can_be_read_on_a_dark_page() -> None:
    def luminance(color: str) -> float:
        parts = [
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
            for part in to_rgb(color)
        ]
        return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))

    page = luminance(canvas.DARK["white"])
    for light in (*canvas.LINES, *canvas.CLASSES, canvas.INK, canvas.MUTED):
        shown = {name.lower(): color for name, color in canvas.DARK.items()}.get(
            light.lower(), light
        )
        assert (luminance(shown) + 0.05) / (page + 0.05) > 4.5, light
