"""What can be done with a trained run: load it, evaluate, embed, sample."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl import devices
from kssl.errors import RunError, UserError
from kssl.files import replacing
from kssl.run import Run

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kssl.data.pipeline import Pipeline
    from kssl.data.splits import Splits
    from kssl.evaluation.base import Result
    from kssl.recipe import Recipe


@dataclasses.dataclass
class Loaded:
    """A run's recipe, data and trained model.

    Attributes:
        recipe: The resolved recipe of the run.
        data: The splits that the run was trained on.
        model: With its trained weights.
    """

    recipe: Recipe
    data: Splits
    model: keras.Model

    @property
    def train(self) -> Pipeline:
        """The training split."""
        return self.data.train

    @property
    def test(self) -> Pipeline:
        """The test split."""
        return self.data.test

    def untrained(self) -> keras.Model:
        """Return a model of the same configuration with fresh weights."""
        import keras

        keras.utils.set_random_seed(self.recipe.settings.seed + 1)
        fresh = type(self.model).from_config(self.model.get_config())
        fresh.build((None, *self.model.example_shape))
        return fresh


def load(run: Run) -> Loaded:
    """Load a finished run, or one that was interrupted from its newest checkpoint.

    Raises:
        UserError: The run has neither, or its data cannot be had any more.
        RunError: Its files do not fit together.
    """
    import kssl.recipe
    from kssl.callbacks.checkpoint import latest, restore
    from kssl.training import DATA_RECORD, prepare

    devices.load_keras()
    recipe = kssl.recipe.load(run.path)
    prepared = prepare(recipe, used=run.read_json(DATA_RECORD)["used"])
    checkpoint = latest(run.checkpoints)
    if run.file("model.keras").is_file():
        prepared.model.load_weights(run.file("model.keras"))
    elif checkpoint is not None:
        restore(prepared.model, checkpoint)
    else:
        raise UserError(f"the run {run.path} has no model and no checkpoint: it is {run.status}")
    return Loaded(recipe, prepared.data, prepared.model)


def evaluate(run: Run, evaluations: list[str] | None = None) -> list[Result]:
    """Evaluate a run, and write the results into its record and its report.

    Args:
        run: Finished or interrupted.
        evaluations: Names, or YAML such as `"{use: knn, k: 5}"`; None takes the recipe's. Results
            of an evaluation replace its earlier ones; those of others stay.

    Raises:
        UserError: An evaluation is unknown, or does not apply to this run.
    """
    import kssl.recipe
    from kssl import report

    overrides = [f"evaluate=[{', '.join(evaluations)}]"] if evaluations else []
    chosen = kssl.recipe.load(run.path, overrides)
    devices.load_keras()
    chosen.check()
    loaded = load(run)
    results = evaluate_loaded(run, loaded, chosen.build("evaluate"))
    report.draw_results(run)
    report.write(run)
    return results


def evaluate_loaded(run: Run, loaded: Loaded, evaluations: list[Any]) -> list[Result]:
    """Run evaluations on a loaded model; write `results.json`; return the new results."""
    from kssl.evaluation.base import Skipped, Task

    settings = loaded.recipe.settings
    task = Task(
        loaded.model,
        loaded.untrained(),
        loaded.train,
        loaded.test,
        settings.seed,
        settings.fit,
        lambda: loaded.recipe.build("optimizer"),
    )
    results: list[Result] = []
    skipped: list[str] = []
    for evaluation in evaluations:
        try:
            results += evaluation(task)
        except Skipped as reason:
            skipped.append(str(reason))
    new = [result.to_dict() for result in results]
    names = {result["name"] for result in new}
    old = run.read_json("results.json")["results"] if run.file("results.json").is_file() else []
    kept = [result for result in old if result["name"] not in names]
    content = {"results": [*kept, *new], "skipped": skipped, "data": loaded.data.record()}
    run.write_json("results.json", content)
    return results


def embed(run: Run, output: Path, data: str | None = None, split: str = "test") -> Path:
    """Write the embeddings of a split, and its labels if the data has any.

    Args:
        run: A trained run.
        output: The file to write: `.npz` with `embeddings` and `labels`, or `.parquet` with a
            column `embedding`, a list of floats in each row, and a column `label`.
        data: Another data set than the run's, as YAML: `"{use: images, path: photos/}"`.
        split: `train`, `validation` or `test`.

    Raises:
        UserError: The split or the kind of file is unknown, the data cannot be had or has another
            shape.
    """
    if output.suffix not in EMBEDDING_FILES:
        raise UserError(f"{output.name}: the file must end in {' or '.join(EMBEDDING_FILES)}")
    import kssl.recipe
    from kssl.data.splits import open_splits
    from kssl.models import run as run_method
    from kssl.models.base import pick

    loaded = load(run)
    splits = loaded.data
    if data is not None:
        # `use` is dropped from the arguments of the run's own data set.
        splits = open_splits(kssl.recipe.load(run.path, [f"data={data}"]), allow_stand_in=False)
    if split not in splits.sizes:
        raise UserError(f"there is no split '{split}'; there is: {', '.join(splits.sizes)}")
    arrays = getattr(splits, split).arrays()
    model = loaded.model
    examples = pick(arrays, model.reads)
    if examples.shape[1:] != tuple(model.example_shape):
        raise UserError(
            f"`{model.reads}` has the shape {examples.shape[1:]}, the model takes "
            f"{model.example_shape}: give the data source the size or length that the run had"
        )
    embeddings = run_method(model, "embed", examples)
    with replacing(output) as temporary:
        EMBEDDING_FILES[output.suffix](temporary, embeddings, arrays.get("label"))
    return output


def _write_npz(path: Path, embeddings: np.ndarray, labels: np.ndarray | None) -> None:
    import numpy as np

    content = {"embeddings": embeddings} | ({} if labels is None else {"labels": labels})
    np.savez(path, **content)


def _write_parquet(path: Path, embeddings: np.ndarray, labels: np.ndarray | None) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = embeddings.reshape(len(embeddings), -1)  # (examples, features)
    table = {"embedding": pyarrow.FixedSizeListArray.from_arrays(rows.reshape(-1), rows.shape[1])}
    if labels is not None:
        table["label"] = pyarrow.array(labels.tolist())
    parquet.write_table(pyarrow.table(table), path)


EMBEDDING_FILES = {".npz": _write_npz, ".parquet": _write_parquet}


def sample_images(
    loaded: Loaded, output: Path, count: int = 64, seed: int | None = None, **settings: Any
) -> Path:
    """Write a grid of generated images as PNG; without a seed, that of the recipe is taken.

    Args:
        loaded: The run.
        output: The file.
        count: Images.
        seed: Of the noise.
        settings: Further ones of the model's `generate`, such as `guidance` of
            `kssl.models.Diffusion`.

    Raises:
        UserError: The model does not generate, or not with such settings.
    """
    import keras
    import numpy as np

    from kssl.callbacks.sample_grid import write_grid

    images = _generated(loaded, count, seed, **settings)
    images = keras.ops.convert_to_numpy(images)
    if not np.isfinite(images).all():
        raise RunError("the generated images are not finite: training has diverged")
    return write_grid(images.astype("float32"), output)


def sample_texts(
    loaded: Loaded,
    count: int = 1,
    seed: int | None = None,
    prompt: str = "",
    length: int = 500,
    sampler: Any = "random",
) -> list[str]:
    """Return texts that a language model writes; without a seed, that of the recipe is taken.

    Args:
        loaded: The run.
        count: Texts.
        seed: Of the sampler.
        prompt: What each begins with, as text.
        length: Tokens of each, prompt included.
        sampler: See `kssl.models.GPT.generate`.

    Raises:
        UserError: The model does not generate, or a sampler's setting is not possible.
    """
    from kssl.callbacks.sample_text import first_ids, written

    vocabulary = loaded.train.vocabulary
    start = first_ids(vocabulary, prompt)
    ids = _generated(loaded, count, seed, prompt=start, length=length, sampler=sampler)
    return written(vocabulary, ids)


def _generated(loaded: Loaded, count: int, seed: int | None, **settings: Any) -> Any:
    model = loaded.model
    if not hasattr(model, "generate"):
        raise UserError(f"{type(model).__name__} does not generate")
    taken = inspect.signature(model.generate).parameters
    if unknown := [name for name in settings if name not in taken]:
        raise UserError(f"{type(model).__name__} does not generate by {', '.join(unknown)}")
    seed = loaded.recipe.settings.seed if seed is None else seed
    try:
        return model.generate(count, seed=seed, **settings)
    except ValueError as error:
        raise UserError(str(error)) from error
