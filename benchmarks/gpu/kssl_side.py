"""What kssl does on the device: the models of the recipes for a GPU, by `fit` as users call it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpu import data as datasets
from gpu.findings import Clock, say
from gpu.sizes import Size, overrides

UNITS = {"gpt": "tokens/s", "bert": "tokens/s"}  # of the others: images/s
TARGET = 1.47  # nats per character, nanoGPT's best
PEAK = 0.06  # learning rate of the recipe of SimCLR, for 256 images
NEIGHBOURS = 10  # of kNN, one vote each, as in the recipe


def prepared(
    workload: str, size: Size, changes: dict[str, str], wanted: Sequence[str] = (), **known: Any
) -> Any:
    """Return the model of a workload's recipe, compiled as a run of the recipe has it.

    Args:
        workload: Such as `gpt`.
        size: Of its network and batches.
        changes: Of settings, for part 6.
        wanted: Further overrides of the recipe.
        **known: What the model must be told of the data.
    """
    import keras

    import kssl

    # Transforms are TensorFlow's; what they do is done here with NumPy, or in the step.
    wanted = ["pretext=[]", *overrides(workload, size), *wanted]
    wanted += [f"precision={changes['precision']}"] if "precision" in changes else []
    recipe = kssl.recipe.load(size.recipe, wanted)
    keras.config.set_dtype_policy(recipe.settings.precision)
    keras.utils.set_random_seed(recipe.settings.seed)
    if changes.get("flash_attention") == "off":
        keras.config.disable_flash_attention()
    model = recipe.build("model", **known)
    epoch = recipe.settings.fit.steps_per_epoch or size.steps
    total = recipe.settings.fit.epochs * epoch  # what a run supplies to the schedule
    together = max(number for number in range(1, 33) if size.steps % number == 0)  # as in a run
    model.compile(
        optimizer=recipe.build("optimizer", total_steps=total),
        steps_per_execution=int(changes.get("steps_per_execution", together)),
    )
    return model


def fitted(model: Any, examples: Any, batch: int) -> float:
    """Train once over the examples; return the seconds."""
    began = time.perf_counter()
    model.fit(examples, batch_size=batch, epochs=1, shuffle=False, verbose=0)
    return time.perf_counter() - began


def report_rate(part: int, job: str, unit: str, work: float, seconds: list[float]) -> None:
    """Say how much is done in a second, from rounds of the same work of which one compiled."""
    usual = statistics.median(seconds[1:])
    compile_seconds = max(0.0, seconds[0] - usual)
    facts = {"unit": unit, "value": work / usual, "compile_seconds": compile_seconds}
    say(part, job, "rate", **facts, peak_gib=peak_memory())


def peak_memory() -> float | None:
    """Return the GiB that this process has held on the device at most, where that is counted."""
    import jax

    counted = jax.local_devices()[0].memory_stats() or {}
    peak = counted.get("peak_bytes_in_use")
    return None if peak is None else peak / 2**30


def rate(part: int, job: str, workload: str, size: Size, folder: Path, **changes: str) -> None:
    """Measure the steps of a workload."""
    examples, known = example_rounds(workload, size, folder)
    model = prepared(workload, size, changes, **known)
    seconds = []
    for number in range(size.rounds):
        seconds.append(fitted(model, examples, size.batch))
        if number:
            work = size.steps * size.batch * _length(workload, size)
            report_rate(part, job, UNITS.get(workload, "images/s"), work, seconds)


def example_rounds(workload: str, size: Size, folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the examples of one round, and what the model must be told of the data."""
    count, network = size.batch * size.steps, size.network
    if workload == "gpt":
        ids, _, vocabulary = datasets.read_text(folder)
        return windows(ids, count, network["context"], seed=0), {"vocabulary_size": vocabulary}
    if workload == "bert":
        from bert_step import batch

        return batch(count, network["length"], network["vocabulary"]), {}
    return np.random.RandomState(0).rand(count, 32, 32, 3).astype("float32"), {}


def windows(ids: np.ndarray, count: int, context: int, seed: int) -> dict[str, np.ndarray]:
    """Return rows of the text from random places on, as nanoGPT draws its batches."""
    starts = np.random.RandomState(seed).randint(0, len(ids) - context, count)
    return datasets.rows_of(ids, starts, context)


def gpt(size: Size, folder: Path, clock: Clock) -> None:
    """Train on tiny Shakespeare to the loss of nanoGPT, or as long as there is time."""
    ids, held_out, vocabulary = datasets.read_text(folder)
    context = size.network["context"]
    starts = np.arange(0, len(held_out) - context, context)
    held = datasets.rows_of(held_out, starts, context)
    # A batch size that leaves no rest, for which the network would be compiled again.
    batch = max(number for number in range(1, 129) if len(starts) % number == 0)
    model = prepared("gpt", size, {}, vocabulary_size=vocabulary)
    seconds: list[float] = []
    best, job, began = math.inf, "gpt kssl", clock.passed()
    while len(seconds) < size.rounds and best > TARGET:
        rows = windows(ids, size.batch * size.steps, context, seed=len(seconds))
        seconds.append(fitted(model, rows, size.batch))
        loss = float(model.evaluate(held, batch_size=batch, verbose=0, return_dict=True)["loss"])
        best, passed = min(best, loss), clock.passed() - began
        facts = {"steps": size.steps * len(seconds), "loss": loss, "seconds": passed}
        say(2, job, "validation", **facts, training_seconds=sum(seconds), best=best)
        if len(seconds) in (2, 4):
            report_rate(2, job, "tokens/s", size.steps * size.batch * context, seconds)
        if clock.left() < 2 * max(seconds[-1], 1.0):
            break
    facts = {"target": TARGET, "reached": best <= TARGET, "best": best}
    say(2, job, "target", **facts, steps=size.steps * len(seconds), seconds=passed)
    _write(model, context, job)


def _write(model: Any, length: int, job: str) -> None:
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        model.generate(1, seed=0, length=length)
        seconds.append(time.perf_counter() - began)
    say(2, job, "writing", unit="tokens/s", value=length / seconds[1], first_seconds=seconds[0])


def simclr(size: Size, folder: Path, clock: Clock) -> None:
    """Train as many epochs as fit, then classify by the nearest neighbours."""
    from kssl.models.inference import compiled

    job, images = "simclr kssl", datasets.read_images(folder)
    pixels = {name: datasets.as_floats(split[0]) for name, split in images.items()}
    labels = {name: split[1] for name, split in images.items()}
    # The rate is set for each epoch: how many there will be shows only as they go by.
    peak = PEAK * size.batch / 256
    model = prepared("simclr", size, {}, [f"optimizer.learning_rate={peak}"])
    began = time.perf_counter()
    model.build((None, *pixels["train"].shape[1:]))
    embed = compiled(model, "embed")  # once: to compile a ResNet takes longer than to use it
    untrained = neighbours(embed, pixels, labels)
    reserve = time.perf_counter() - began  # the same again at the end
    say(3, job, "knn", epochs=0, accuracy=untrained, seconds=clock.passed())
    whole = pixels["train"][: len(labels["train"]) // size.batch * size.batch]
    seconds: list[float] = []
    trained, available = clock.passed(), clock.left() - reserve
    while not seconds or (
        len(seconds) < size.rounds and clock.left() - reserve > 1.1 * seconds[-1]
    ):
        share = min(1.0, (clock.passed() - trained) / max(available, 1.0))
        model.optimizer.learning_rate = peak * 0.5 * (1 + math.cos(math.pi * share))
        began = time.perf_counter()
        history = model.fit(whole, batch_size=size.batch, epochs=1, verbose=0).history
        seconds.append(time.perf_counter() - began)
        say(3, job, "epoch", epoch=len(seconds), loss=history["loss"][-1], seconds=seconds[-1])
        if len(seconds) in (2, 4):
            report_rate(3, job, "images/s", len(whole), seconds)
    accuracy = neighbours(embed, pixels, labels)
    facts = {"accuracy": accuracy, "untrained": untrained, "seconds": clock.passed() - trained}
    say(3, job, "knn", epochs=len(seconds), **facts)


def neighbours(
    embed: Callable[[Any], Any], pixels: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> float:
    """Return the accuracy of kNN on the test images, with all others as the bank."""
    from kssl.evaluation import knn_predict

    rows = {}
    for name, images in pixels.items():
        size = next(size for size in range(500, 0, -1) if len(images) % size == 0)
        parts = np.split(images, len(images) // size)  # of one shape, so compiled once
        rows[name] = np.concatenate([embed(part) for part in parts]).astype("float32")
    classes = int(labels["train"].max()) + 1
    bank = rows["train"], labels["train"]
    found = knn_predict(*bank, rows["test"], NEIGHBOURS, classes, temperature=None)
    return float(np.mean(found == labels["test"]))


def _length(workload: str, size: Size) -> int:
    """Return how many of its unit an example has: tokens of a row, or one image."""
    return size.network.get({"gpt": "context", "bert": "length"}.get(workload, ""), 1)
