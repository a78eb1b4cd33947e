"""A trained encoder as a file for other programs, compared with its source."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import RunError, UserError
from kssl.system.files import temporary_folder
from kssl.system.progress import working

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kssl.runs.load import Loaded

ENDINGS = {"keras": ".keras", "savedmodel": "", "onnx": ".onnx"}
CLOSE = 0.9999  # the cosine below which an exported encoder is not the same


def export(loaded: Loaded, to: str, output: Path, examples: int = 64) -> float:
    """Write the encoder, read it back, and compare what both say of the same test examples.

    Args:
        loaded: A trained run.
        to: `keras` (a `.keras` file), `savedmodel` (a folder for TensorFlow and its servers) or
            `onnx` (a file; on TensorFlow or torch, see `--backend`).
        output: The file or folder to write.
        examples: Test examples that are compared.

    Returns:
        The smallest cosine between an embedding of the source and of the exported encoder.

    Raises:
        UserError: What is needed to write or to read the format is not installed.
        RunError: The exported encoder says something else; nothing is left behind.
    """
    import numpy as np

    from kssl.evaluation.inputs import examples_of
    from kssl.models.inference import encoder_of

    encoder = encoder_of(loaded.model)
    inputs = examples_of(loaded.test, loaded.model, examples)
    source = encoder.predict(inputs, verbose=0)
    folders = temporary_folder(output.parent, ".export-")
    with working(f"exporting to {to}"), folders as folder:
        written = folder / f"encoder{ENDINGS[to]}"
        _WRITERS[to](encoder, written)
        again = np.asarray(_READERS[to](written, inputs))
        cosine = _smallest_cosine(source, again)
        if not cosine >= CLOSE:
            raise RunError(
                f"the exported encoder is another one: the cosine of its embeddings with the "
                f"source's is only {cosine:.6f}"
            )
        shutil.move(str(written), output)
    return cosine


def _smallest_cosine(first: np.ndarray, second: np.ndarray) -> float:
    import numpy as np

    first, second = (np.asarray(rows, "float64").reshape(len(rows), -1) for rows in (first, second))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    equal = np.all(first == second, axis=1)  # rows of zeros too
    cosines = np.sum(first * second, axis=1) / np.where(norms > 0, norms, 1.0)
    return float(np.where(equal, 1.0, cosines).min())


def _write_keras(encoder: keras.Model, path: Path) -> None:
    encoder.save(path)


def _read_keras(path: Path, inputs: Any) -> Any:
    import keras

    return keras.models.load_model(path).predict(inputs, verbose=0)


def _write_savedmodel(encoder: keras.Model, path: Path) -> None:
    _need("tensorflow", "a SavedModel", "tensorflow")
    encoder.export(str(path), format="tf_saved_model", verbose=False)


def _read_savedmodel(path: Path, inputs: Any) -> Any:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return loaded.serve(inputs).numpy()


def _write_onnx(encoder: keras.Model, path: Path) -> None:
    import keras

    if keras.backend.backend() == "jax":
        raise UserError(
            "ONNX cannot be written on JAX; the weights are the same on each backend: add "
            "--backend tensorflow"
        )
    _need("onnxruntime", "ONNX", "'kssl[export]'")
    if keras.backend.backend() == "tensorflow":
        _need("tf2onnx", "ONNX", "'kssl[export]'")
    encoder.export(str(path), format="onnx", verbose=False)


def _read_onnx(path: Path, inputs: Any) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [wanted.name for wanted in session.get_inputs()]
    if isinstance(inputs, dict):  # an input is called by its key, or its key is part of the name
        given = {name: inputs[max(inputs, key=lambda key: key in name)] for name in names}
    else:
        given = {names[0]: inputs}
    return session.run(None, given)[0]


def _need(module: str, what: str, install: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UserError(f"{what} needs {module}, which is not installed: pip install {install}")


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "keras": _write_keras,
    "savedmodel": _write_savedmodel,
    "onnx": _write_onnx,
}
_READERS: dict[str, Callable[[Path, Any], Any]] = {
    "keras": _read_keras,
    "savedmodel": _read_savedmodel,
    "onnx": _read_onnx,
}
