"""Load saved models in a process that has only imported kssl, and write what they embed.

    python load_models.py FOLDER

Each sub-folder has a model as `model.keras`, its weights alone, and a batch.
"""

import sys
import traceback
from pathlib import Path

import kssl

# ruff: noqa: I001  kssl comes first: it alone must make its classes known
import keras
import numpy as np


def embedded(folder: Path) -> np.ndarray:
    """Return what the model of the file embeds; a new one with the weights is the same model."""
    with np.load(folder / "batch.npz") as stored:
        batch = {key: stored[key] for key in stored.files}
    loaded = keras.models.load_model(folder / "model.keras")
    fresh = type(loaded).from_config(loaded.get_config())
    fresh.build_from_config(loaded.get_build_config())
    fresh.load_weights(folder / "model.weights.h5")
    for one, other in zip(fresh.weights, loaded.weights, strict=True):
        pair = map(keras.ops.convert_to_numpy, (one, other))
        np.testing.assert_array_equal(*pair, err_msg=one.path)
    return kssl.models.run(loaded, "embed", batch)


for folder in sorted(Path(sys.argv[1]).iterdir()):
    try:
        np.save(folder / "found.npy", embedded(folder))
    except Exception:
        (folder / "error.txt").write_text(traceback.format_exc())
