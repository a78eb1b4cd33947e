"""The figures of a run, each drawn from what the model offers.

A figure that does not apply (no labels, no decoder, …) is left out; one that fails is named in
figures/figures.json with the reason, and the run goes on. A model may bring figures of its own, see
`kssl.models.capabilities.BringsFigures`.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.evaluation.base import frozen, to_array, trained_on_labels
from kssl.evaluation.retrieval import nearest_neighbours
from kssl.models.capabilities import BringsFigures, Corrupts, HasDensity, HidesPatches, has
from kssl.report import canvas, label_curve, latent, learning_curves, task_figure
from kssl.report.scene import Drawn, Scene, scene_of
from kssl.system.progress import working


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Args:
        title: Its title.
        draw: From a scene to the figure, or a text, and its caption; None if it does not apply.
        needs: Capabilities that the model must have, see `kssl.models.capabilities`.
        examples: How many test examples it needs.
    """

    title: str
    draw: Callable[[Scene], Drawn | None]
    needs: tuple[str, ...] = ()
    examples: int = 0

    def applies(self, scene: Scene) -> bool:
        """Whether model and data have what it needs."""
        return scene.size >= self.examples and has(scene.model, *self.needs)


def draw(run: Any, model: Any, train: Any, test: Any, seed: int = 0) -> list[dict[str, Any]]:
    """Draw every figure that applies into the run's `figures` folder.

    Args:
        run: The run directory (`kssl.runs.directory.Run`).
        model: The trained model.
        train: Pipeline of the training split; none of these figures shows it.
        test: Pipeline of the test split, or None: figures of examples are left out.
        seed: Of samples, noise and t-SNE: the same figures each time.

    Returns:
        What is written to `figures/figures.json`: `{file, title, caption}` per figure, and
        `error` with `file` None for one that failed.
    """
    scene = scene_of(run, model, test, seed)
    figures, entries = figures_of(model), []
    with working("drawing", len(figures)) as advance:
        for name, figure in figures.items():
            with working(f"drawing: {figure.title.lower()}"):
                entries.append(_draw_one(scene, name, figure))
            advance()
    written = [entry for entry in entries if entry is not None]
    run.figures  # noqa: B018  makes the folder, also when no figure applies
    run.write_json("figures/figures.json", written)
    return written


def figures_of(model: Any) -> dict[str, Figure]:
    """Return the report's figures, with those that a model brings after the samples.

    One that it brings under the name of another takes its place.
    """
    if not has(model, BringsFigures):
        return FIGURES
    brought = {name: Figure(title, _later(path)) for name, (title, path) in model.figures().items()}
    ordered: dict[str, Figure] = {}
    for name, figure in FIGURES.items():
        ordered[name] = brought.pop(name, figure)
        if name == "samples":
            ordered |= {name: own for name, own in brought.items() if name not in FIGURES}
    return ordered


def _later(path: str) -> Callable[[Scene], Drawn | None]:
    """Import a function `"module:name"` when it is called: only then it may be wrong."""

    def draw(scene: Scene) -> Drawn | None:
        module, _, name = path.partition(":")
        return getattr(importlib.import_module(module), name)(scene)

    return draw


def draw_results(run: Any) -> None:
    """Draw the figure of the run's results again, after another evaluation."""
    path = run.file("figures/figures.json")
    entries = run.read_json("figures/figures.json") if path.is_file() else []
    entry = _draw_one(Scene(run, None, None, None, 0), "labels", FIGURES["labels"])
    if entry is None:
        return
    titles = [each["title"] for each in entries]
    known = entry["title"] in titles
    place = titles.index(entry["title"]) if known else min(1, len(titles))  # after the curves
    entries[place : place + known] = [entry]
    run.write_json("figures/figures.json", entries)


def _draw_one(scene: Scene, name: str, figure: Figure) -> dict[str, Any] | None:
    if not figure.applies(scene):
        return None
    title = figure.title
    try:
        with canvas.style():
            drawn = figure.draw(scene)
            if drawn is None:
                return None
            scene.run.figures  # noqa: B018  made on demand
            file = f"{name}.txt" if isinstance(drawn[0], str) else f"{name}.png"
            with scene.run.replacing(f"figures/{file}") as temporary:
                if isinstance(drawn[0], str):
                    temporary.write_text(drawn[0], "utf-8")
                else:
                    canvas.save(drawn[0], temporary)
            if not isinstance(drawn[0], str):
                canvas.darken(drawn[0])
                with scene.run.replacing(f"figures/{name}.dark.png") as temporary:
                    canvas.save(drawn[0], temporary)
    except Exception as error:  # whatever it is: hours of training must not end in a figure
        reason = f"{type(error).__name__}: {error}"
        return {"file": None, "title": title, "caption": "", "error": reason}
    return {"file": file, "title": title, "caption": drawn[1]}


def _curves(scene: Scene) -> Drawn | None:
    columns = learning_curves.read(scene.run.file("metrics.csv"))
    if not columns:
        return None
    epochs = len(columns["epoch"])
    caption = f"Training and validation after each of {epochs} epochs."
    if epochs == 1:
        caption = "After the only epoch; more of them make a curve."
    return learning_curves.draw(columns), caption


def _labels(scene: Scene) -> Drawn | None:
    return label_curve.draw(scene.run)


def _reconstructions(scene: Scene) -> Drawn | None:
    if has(scene.model, HidesPatches):  # it brings a figure of its own
        return None
    shown = scene.first(min(12, scene.columns))
    rows = [(f"test {scene.noun}", shown)]
    caption = f"Test {scene.noun}s, and what the model makes of them."
    if has(scene.model, Corrupts):
        with frozen(scene.model, scene.seed):
            shown = scene.apply("corrupt", shown)
        rows.append(("corrupted", shown))
        caption = f"Test {scene.noun}s, their corrupted copies, and what the model makes of those."
    rows.append(("reconstruction", scene.apply("reconstruct", shown)))
    return scene.rows(rows), caption


def _samples(scene: Scene) -> Drawn | None:
    drawn = to_array(scene.model.generate(64, seed=scene.seed))
    pictures = scene.pictures(drawn)
    if pictures is None:
        drawn = drawn[: 4 * scene.columns]
        sheet = scene.grid(drawn)
    else:
        sheet = canvas.sheet_figure(canvas.tiled(pictures, columns=16, gap=2), 9.0)
    return sheet, f"{len(drawn)} {scene.noun}s drawn from the model, none chosen."


def _manifold(scene: Scene) -> Drawn | None:
    if scene.model.latent_dim != 2:
        return None
    grid = latent.quantile_grid(20)
    where = "of the prior, a standard normal"
    if not has(scene.model, HasDensity):  # no prior: the grid goes where the test examples are
        embedded = scene.embedded
        grid = (embedded.mean(axis=0) + embedded.std(axis=0) * grid).astype(np.float32)
        where = f"of a normal fitted to the test {scene.noun}s' latents"
    pictures = scene.decode(grid)
    if pictures is None:
        return None
    caption = f"The 2-d latent space, decoded at equal steps of probability {where}."
    return canvas.sheet_figure(canvas.tiled(pictures, columns=20, gap=0), 7.0), caption


def _interpolations(scene: Scene) -> Drawn | None:
    pairs, steps = min(6, scene.size // 2), 10
    ends = scene.first(2 * pairs)
    shown = scene.pictures(ends)
    points = scene.apply("embed", ends)
    if shown is None or points.shape[1] != scene.model.latent_dim:
        return None  # no pictures, or the embedding is not the latent that decode takes
    line = latent.interpolated(points[:pairs], points[pairs:], steps)
    sheet = latent.between(shown, scene.decode(line), steps)
    caption = "Straight lines in the latent space, decoded, between the test images at both ends."
    return canvas.sheet_figure(sheet, 9.0), caption


def _embedding(scene: Scene) -> Drawn | None:
    rows = scene.embedded
    coloured = "one colour, since the data has no labels"
    if scene.labels is not None:
        seen = trained_on_labels(scene.model)
        coloured = "coloured by class" + (f" ({seen})" if seen else ", which the model never saw")
    caption = f"Embeddings ({rows.shape[1]}-d) of {len(rows):,} test {scene.noun}s, {coloured}. "
    if latent.collapsed(rows):
        caption += "All embeddings are the same: the encoder has collapsed, and there is no t-SNE."
    else:
        caption += "Distances between far clusters of a t-SNE mean nothing."
    return latent.embedding_map(rows, scene.labels, scene.seed, scene.class_names), caption


def _neighbours(scene: Scene) -> Drawn | None:
    from kssl.modalities import take

    rows, noun = scene.embedded, scene.noun
    shown = min(12, scene.columns)
    nearest = nearest_neighbours(rows, k=5)[:shown]  # (shown, 5)
    names = ["nearest", "second", "third", "fourth", "fifth"]
    lines = [(f"test {noun}", scene.first(shown))]
    lines += [
        (name, take(scene.examples, nearest[:, n]))
        for n, name in enumerate(names[: nearest.shape[1]])
    ]
    caption = f"Test {noun}s, and the nearest of {len(rows):,} test {noun}s to each"
    if scene.labels is not None:
        right = int((scene.labels[nearest] == scene.labels[: len(nearest), None]).sum())
        caption += f"; {right} of these {nearest.size} are of the same class"
    return scene.rows(lines), f"{caption}."


FIGURES: dict[str, Figure] = {
    "curves": Figure("Learning curves", _curves),
    "labels": Figure("Accuracy against labels", _labels),
    "task": Figure("What the model is trained on", task_figure.transformed, examples=1),
    "reconstructions": Figure("Reconstructions", _reconstructions, ("Reconstructs",), 1),
    "samples": Figure("Samples", _samples, ("Generates",)),
    "manifold": Figure("Latent manifold", _manifold, ("Decodes", "Embeds"), 1),
    "interpolations": Figure("Interpolations", _interpolations, ("Decodes", "Embeds"), 2),
    "embedding": Figure("Embedding map", _embedding, ("Embeds",), 10),
    "neighbours": Figure("Nearest neighbours", _neighbours, ("Embeds",), 10),
}
