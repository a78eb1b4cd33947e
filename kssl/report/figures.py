"""The figures of a run, each drawn from what the model offers.

A figure that does not apply (no labels, no decoder, …) is left out; one that fails is named in
figures/figures.json with the reason, and the run goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.evaluation.base import apply, frozen, trained_on_labels
from kssl.evaluation.retrieval import nearest_neighbours
from kssl.report import canvas, diffusion_figures, label_curve, latent, learning_curves

Drawn = tuple[Any, str]  # figure, or a text; caption


@dataclasses.dataclass(frozen=True)
class Scene:
    """What the figures are drawn from.

    Args:
        run: The run directory.
        model: The trained model.
        images: (examples, height, width, channels) test images in [0, 1], or None.
        labels: (examples,) or None.
        seed: Of samples, noise and t-SNE.
        vocabulary: What turns ids into text, or None.
    """

    run: Any
    model: Any
    images: np.ndarray | None
    labels: np.ndarray | None
    seed: int
    vocabulary: Any = None

    def has(self, *methods: str) -> bool:
        """Whether there are images and the model has all of these methods."""
        offered = all(callable(getattr(self.model, name, None)) for name in methods)
        return offered and self.images is not None

    def apply(self, method: str, inputs: np.ndarray, **arguments: Any) -> np.ndarray:
        """Run a method of the model over an array."""
        return apply(self.model, method, inputs, **arguments)

    def decode(self, points: np.ndarray) -> np.ndarray:
        """Latent points -> pictures."""
        return canvas.as_pictures(self.apply("decode", points))


def _array(tensor: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor))


def draw(run: Any, model: Any, train: Any, test: Any, seed: int = 0) -> list[dict[str, Any]]:
    """Draw every figure that applies into the run's `figures` folder.

    Args:
        run: The run directory (`kssl.runs.directory.Run`).
        model: The trained model.
        train: Pipeline of the training split; none of these figures shows it.
        test: Pipeline of the test split, or None: only the learning curves are drawn.
        seed: Of samples, noise and t-SNE: the same figures each time.

    Returns:
        What is written to `figures/figures.json`: `{file, title, caption}` per figure, and
        `error` with `file` None for one that failed.
    """
    scene = _scene(run, model, test, seed)
    entries = [_draw_one(scene, name, *recipe) for name, recipe in FIGURES.items()]
    written = [entry for entry in entries if entry is not None]
    run.figures  # noqa: B018  makes the folder, also when no figure applies
    run.write_json("figures/figures.json", written)
    return written


def draw_results(run: Any) -> None:
    """Draw the figure of the run's results anew, after another evaluation."""
    path = run.file("figures/figures.json")
    entries = run.read_json("figures/figures.json") if path.is_file() else []
    entry = _draw_one(Scene(run, None, None, None, 0), "labels", *FIGURES["labels"])
    if entry is None:
        return
    titles = [each["title"] for each in entries]
    known = entry["title"] in titles
    place = titles.index(entry["title"]) if known else min(1, len(titles))  # after the curves
    entries[place : place + known] = [entry]
    run.write_json("figures/figures.json", entries)


def _scene(run: Any, model: Any, test: Any, seed: int) -> Scene:
    arrays = test.arrays(limit=2000) if test is not None else {}
    images, labels = arrays.get("image"), arrays.get("label")
    labels = None if labels is None else np.asarray(labels).reshape(-1)
    images = None if images is None else np.asarray(images)
    return Scene(run, model, images, labels, seed, getattr(test, "vocabulary", None))


def _draw_one(
    scene: Scene, name: str, title: str, draw_it: Callable[[Scene], Drawn | None]
) -> dict[str, Any] | None:
    try:
        with canvas.style():
            drawn = draw_it(scene)
            if drawn is None:
                return None
            scene.run.figures  # noqa: B018  made on demand
            file = f"{name}.txt" if isinstance(drawn[0], str) else f"{name}.png"
            with scene.run.replacing(f"figures/{file}") as temporary:
                if isinstance(drawn[0], str):
                    temporary.write_text(drawn[0], "utf-8")
                else:
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
    return learning_curves.draw(
        columns
    ), f"Training and validation after each of {epochs} epochs." if epochs > 1 else "One epoch."


def _labels(scene: Scene) -> Drawn | None:
    return label_curve.draw(scene.run)


def _reconstructions(scene: Scene) -> Drawn | None:
    if not scene.has("reconstruct") or scene.has("hide"):  # the latter have a figure of their own
        return None
    shown = scene.images[:12]
    rows = [("test image", shown)]
    caption = "The first test images, and what the model makes of them."
    if scene.has("corrupt"):
        with frozen(scene.model, scene.seed):
            shown = scene.apply("corrupt", shown)
        rows.append(("corrupted", shown))
        caption = "Test images, their corrupted copies, and what the model makes of those."
    rows.append(("reconstruction", scene.apply("reconstruct", shown)))
    return canvas.labelled_rows([(n, canvas.as_pictures(row)) for n, row in rows]), caption


def _masked(scene: Scene) -> Drawn | None:
    if not scene.has("reconstruct", "hide"):
        return None
    shown = scene.images[:12]
    # With the same seed both hide the same patches.
    rows = [("test image", shown)]
    rows += [(name, scene.apply(method, shown, seed=scene.seed)) for name, method in _MASKED]
    caption = "Test images, what the encoder saw of them, and the hidden patches filled in."
    if getattr(scene.model, "normalize_targets", False):
        caption += (
            " The model predicts patches of mean 0 and variance 1: the true mean and deviation of"
            " each are put back for the picture."
        )
    return canvas.labelled_rows([(n, canvas.as_pictures(row)) for n, row in rows]), caption


_MASKED = (("masked", "hide"), ("reconstruction", "reconstruct"))


def _samples(scene: Scene) -> Drawn | None:
    if not callable(getattr(scene.model, "generate", None)):
        return None
    if getattr(scene.model, "reads", "image") == "tokens":
        return _texts(scene)
    pictures = canvas.as_pictures(_array(scene.model.generate(64, seed=scene.seed)))
    sheet = canvas.tiled(pictures, columns=16, gap=2)
    return canvas.sheet_figure(sheet, 9.0), "64 images drawn from the model, none chosen."


def _texts(scene: Scene) -> Drawn:
    from kssl.tokenizers import decoded, prompt_ids

    start = prompt_ids(scene.vocabulary)
    sampler = {"name": "random", "temperature": 0.8}  # small models ramble at 1
    ids = scene.model.generate(3, seed=scene.seed, prompt=start, length=600, sampler=sampler)
    texts = decoded(scene.vocabulary, ids)
    caption = "Three texts of 600 tokens, each token drawn at temperature 0.8; none chosen."
    return "\n\n―――\n\n".join(text.strip() for text in texts), caption


def _manifold(scene: Scene) -> Drawn | None:
    if getattr(scene.model, "latent_dim", None) != 2 or not scene.has("decode", "embed"):
        return None
    grid = latent.quantile_grid(20)
    where = "of the prior, a standard normal"
    if not scene.has("log_prob"):  # no prior: the grid goes where the test images are
        embedded = scene.apply("embed", scene.images)
        grid = (embedded.mean(axis=0) + embedded.std(axis=0) * grid).astype(np.float32)
        where = "of a normal fitted to the test images' latents"
    sheet = canvas.tiled(scene.decode(grid), columns=20, gap=0)
    caption = f"The 2-d latent space, decoded at equal steps of probability {where}."
    return canvas.sheet_figure(sheet, 7.0), caption


def _interpolations(scene: Scene) -> Drawn | None:
    if not scene.has("embed", "decode") or len(scene.images) < 2:
        return None
    pairs, steps = min(6, len(scene.images) // 2), 10
    ends = scene.images[: 2 * pairs]
    points = scene.apply("embed", ends)
    if points.shape[1] != getattr(scene.model, "latent_dim", points.shape[1]):
        return None  # the embedding is not the latent that decode takes
    line = latent.interpolated(points[:pairs], points[pairs:], steps)
    sheet = latent.between(canvas.as_pictures(ends), scene.decode(line), steps)
    caption = "Straight lines in the latent space, decoded, between the test images at both ends."
    return canvas.sheet_figure(sheet, 9.0), caption


def _embedding(scene: Scene) -> Drawn | None:
    if not scene.has("embed") or len(scene.images) < 10:
        return None
    rows = scene.apply("embed", scene.images).reshape(len(scene.images), -1)
    coloured = "one colour, since the data has no labels"
    if scene.labels is not None:
        seen = trained_on_labels(scene.model)
        coloured = "coloured by label" + (f" ({seen})" if seen else ", which the model never saw")
    caption = (
        f"Embeddings ({rows.shape[1]}-d) of {len(rows):,} test images, {coloured}. Distances"
        " between far clusters of a t-SNE mean nothing."
    )
    return latent.embedding_map(rows, scene.labels, scene.seed), caption


def _neighbours(scene: Scene) -> Drawn | None:
    if not scene.has("embed") or len(scene.images) < 10:
        return None
    rows = scene.apply("embed", scene.images).reshape(len(scene.images), -1)
    shown = 12
    nearest = nearest_neighbours(rows, k=5)[:shown]  # (shown, 5)
    pictures = canvas.as_pictures(scene.images)
    names = ["nearest", "second", "third", "fourth", "fifth"]
    lines = [("test image", pictures[:shown])]
    lines += [(name, pictures[nearest[:, n]]) for n, name in enumerate(names[: nearest.shape[1]])]
    caption = f"The first test images, and the nearest of {len(rows):,} test images to each"
    if scene.labels is not None:
        right = int((scene.labels[nearest] == scene.labels[: len(nearest), None]).sum())
        caption += f"; {right} of these {nearest.size} are of the same class"
    return canvas.labelled_rows(lines), f"{caption}."


FIGURES: dict[str, tuple[str, Callable[[Scene], Drawn | None]]] = {
    "curves": ("Learning curves", _curves),
    "labels": ("Accuracy against labels", _labels),
    "reconstructions": ("Reconstructions", _reconstructions),
    "masked": ("Masked images", _masked),
    "samples": ("Samples", _samples),
    "classes": ("Samples of each class", diffusion_figures.classes),
    "reverse_process": ("Reverse process", diffusion_figures.reverse_process),
    "forward_process": ("Forward process", diffusion_figures.forward_process),
    "inpainting": ("Inpainting", diffusion_figures.inpainting),
    "manifold": ("Latent manifold", _manifold),
    "interpolations": ("Interpolations", _interpolations),
    "embedding": ("Embedding map", _embedding),
    "neighbours": ("Nearest neighbours", _neighbours),
}
