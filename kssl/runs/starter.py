"""A first recipe for somebody's own data, with the reasons of its choices: `kssl init photos/`."""

from __future__ import annotations

import json
import math
import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kssl.data.guess import Guess

_STEPS = 2_000  # of training: minutes on a processor, and enough for small networks
_PICTURES = 80_000  # of 32 pixels, in all epochs: some 5 minutes on two cores
_FEW = 200  # examples, of which a network learns little


def starter(path: str, file: Path) -> str:
    """Return the text of a recipe that fits a file or folder.

    Args:
        path: Of the data.
        file: Where the recipe is to be; its comment says how it is run.

    Raises:
        UserError: kssl reads nothing of what is there, or it is not clear what is to be trained on.
    """
    from kssl.data.guess import guess

    found = guess(path)
    use = found.settings["use"]
    made = _MADE[use](found)
    told = "".join(f"# {line}\n" for line in (f"{path}: {found.why}.", *_listed(found)))
    few = found.count and found.count < _FEW
    told += f"# {found.count} are few: expect little, and look at the baselines.\n" if few else ""
    return f"# {_ABOUT[use]}, made by kssl init.\n#   kssl fit {file}\n{told}{made}"


def _listed(found: Guess) -> list[str]:
    """What listing the files tells: what is left out, splits and classes."""
    from kssl.data.listing import listed
    from kssl.plugins import find

    settings = {key: value for key, value in found.settings.items() if key != "use"}
    first, *lines = listed(find("datasets", found.settings["use"]), settings) or ("",)
    left = first.partition("; left out: ")[2]
    return [f"left out: {left}"] * bool(left) + lines


def _data(settings: dict[str, Any]) -> str:
    """The section `data`, with a path that holds wherever the recipe is called from."""
    for key in ("path", "labels"):
        if isinstance(settings.get(key), str) and os.path.exists(settings[key]):
            settings = settings | {key: os.path.abspath(settings[key])}
    written = re.sub(r'"(\w+)": ', r"\1: ", json.dumps(settings, ensure_ascii=False))
    return f"data: {written}\n"


def _length(count: int, largest: int, seen: float = math.inf) -> str:
    """The section `fit`: batches of at most a quarter of the examples, and minutes of training.

    Args:
        count: Of all examples, 0 if that is not known.
        largest: Batch.
        seen: Examples in all epochs, at most, where each takes long.
    """
    count = count or 1000
    batch = max(8, min(largest, 2 ** int(math.log2(max(8, count / 4)))))
    epochs = min(200, max(1, math.ceil(min(_STEPS * batch, seen) / (0.8 * count))))
    steps = epochs * max(1, int(0.8 * count) // batch)
    reason = f"some {steps:,} steps; more help as long as val_loss falls"
    return f"fit: {{batch_size: {batch}, epochs: {epochs}}}   # {reason}\n"


_ADAM = """optimizer:
  use: adamw
  learning_rate: {use: warmup_cosine, peak: 1e-3, warmup: 0.05}   # follows the length of training
  weight_decay: 0.05
"""


def _images(found: Guess) -> str:
    side = found.facts.get("side", 32)
    size = 64 if side >= 96 and found.count <= 20_000 else 32
    why = f"most are {side} on the shorter side; twice the size takes four times the time"
    data = _data(found.settings | {"size": size}).rstrip("\n")
    return f"""{data}   # {why}
pretext:
  - to_float
  - {{use: two_views, preset: small}}   # two crops in other colours, which are to be matched
model:
  use: simclr                          # learns from as few as some hundred pictures
  encoder: {{use: conv_net, filters: [32, 64, 128], stem_strides: 2}}
  projector: {{use: projection_head, output_dim: 64, hidden_dim: 256}}
  loss: {{use: nt_xent, temperature: 0.2}}
{_ADAM}{_length(found.count, 256, _PICTURES * (32 / size) ** 2)}{_PROBES}"""


_PROBES = "evaluate: [knn, linear]   # read the labels, if any, which training does not\n"


def _denoising(
    found: Guess, modality: str, noun: str, codes: int, units: int, most: int, pretext: str = ""
) -> str:
    column = found.facts.get("classes")
    offer = f"   # with label: {json.dumps(column)} the probes tell it\n" if column else "\n"
    return f"""{_data(found.settings).rstrip()}{offer}{pretext}model:
  use: denoising_autoencoder           # rebuilds {noun} from noisy ones
  modality: {modality}
  latent_dim: {codes}
  encoder: {{use: mlp, units: [{units}]}}
  decoder: {{use: mlp, units: [{units}]}}
{_ADAM}{_length(found.count, most)}{_PROBES}"""


def _video(found: Guess) -> str:
    return f"""{_data(found.settings)}pretext:
  - {{use: to_float, key: video}}
  - frame_order                        # are three frames in order?
model:
  use: pretext_classifier
  encoder: {{use: conv_net, filters: [16, 32, 64], stem_strides: 2}}
{_ADAM}{_length(found.count, 64)}evaluate: [pretext_accuracy, knn, linear]
"""


def _text(found: Guess) -> str:
    corpus = {key: value for key, value in found.settings.items() if key != "use"}
    if os.path.exists(corpus["path"]):
        corpus["path"] = os.path.abspath(corpus["path"])
    written = json.dumps(corpus, ensure_ascii=False)
    if found.count == 1:
        return f"""data:
  use: tokens
  corpus: {written}
  vocabulary: {{kind: characters, special: false}}   # one text has too few words for words
  length: 129
  stride: 64
pretext: [{{use: next_token, context: 64}}]
model: {{use: gpt, depth: 4, heads: 4, width: 128}}   # writes on, character by character
{_ADAM}fit: {{batch_size: 12, epochs: 10, steps_per_epoch: 200}}
callbacks: [sample_text]
evaluate: [perplexity]
"""
    return f"""data:
  use: tokens
  corpus: {written}
  vocabulary: {{kind: wordpiece, size: 4000, lowercase: true}}
  length: 64                           # tokens that the model sees at once
  rows: sentences
pretext: [mask_tokens]
model: {{use: bert, vocabulary_size: 4000, depth: 2, heads: 4, width: 128}}
{_ADAM}fit: {{batch_size: 16, epochs: 10, steps_per_epoch: 200}}
evaluate: [masked_accuracy, knn]       # knn reads the labels; skipped without any
"""


def _arrays(found: Guess) -> str:
    return f"""{_data(found.settings)}pretext: [to_float]                    # bytes to 0 to 1
model:
  use: autoencoder                     # rebuilds its input from 32 numbers
  latent_dim: 32
  encoder: {{use: mlp, units: [400]}}
  decoder: {{use: mlp, units: [400]}}
{_ADAM}{_length(found.count, 128)}evaluate: [reconstruction, knn, linear]
"""


_ONE_ROW = "pretext: [one_hot]   # numbers and categories in one row\n"
_MADE = {
    "images": _images,
    "captions": _images,
    "audio": partial(
        _denoising, modality="audio", noun="recordings", codes=64, units=256, most=128
    ),
    "video": _video,
    "tabular": partial(
        _denoising, modality="table", noun="rows", codes=16, units=128, most=256, pretext=_ONE_ROW
    ),
    "text": _text,
    "arrays": _arrays,
}
_ABOUT = {
    "images": "SimCLR on pictures",
    "captions": "SimCLR on the pictures, without their captions",
    "audio": "Denoising autoencoder on recordings",
    "video": "Order of frames on films",
    "tabular": "Denoising autoencoder on a table",
    "text": "A language model",
    "arrays": "Autoencoder on arrays",
}
