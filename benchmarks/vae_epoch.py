"""Examples per second of a whole training epoch: kssl fit, bare Keras, a tight PyTorch loop.

A VAE 784-400-20 with Bernoulli likelihood, batch 128, Adam, 55,000 grey images of 28 x 28 in
memory; MNIST where a prepared copy is found (KSSL_DATA_DIR), else random ones. The first epoch,
which compiles, does not count. `kssl fit` includes checkpoints, logs and the validation after each
epoch; so do the bare ones include the same validation.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from contest import contest, here, ratio_of, table

EPOCHS = 5
BATCH = 128
BACKENDS = ("tensorflow", "jax")
CONTENDERS = [
    *(f"{what} on {backend}" for backend in BACKENDS for what in ("kssl fit", "bare fit")),
    "bare fit, tuned on tensorflow",
    "kssl fit, binarized on tensorflow",
    "tight PyTorch loop",
]
RECIPE = """
data: {{use: {data}}}
pretext: [{pretext}]
model: {{use: vae, latent_dim: 20}}
fit: {{batch_size: {batch}, epochs: {epochs}}}
callbacks: [{{use: "vae_epoch:EpochClock"}}]
"""


def images() -> tuple[np.ndarray, np.ndarray]:
    """Return training and validation images, float32 in 0 to 1."""
    from kssl.data import Pipeline, Unavailable, mnist
    from kssl.pretext import to_float

    try:
        sets = [Pipeline(mnist(split), [to_float()]) for split in ("train", "validation")]
        return tuple(each.arrays()["image"] for each in sets)
    except Unavailable:
        random = np.random.RandomState(0)
        return tuple(random.rand(n, 28, 28, 1).astype("float32") for n in (55_000, 5_000))


def rate(moments: list[float], examples: int) -> float:
    """Return examples per second from the moments at which epochs began."""
    lengths = [after - before for before, after in zip(moments[1:], moments[2:], strict=False)]
    return examples / statistics.median(lengths)


def kssl_fit(backend: str, pretext: str) -> float:
    from kssl.system import devices

    devices.choose(backend)
    devices.load_keras()
    from kssl.recipe import load
    from kssl.runs.directory import Run
    from kssl.runs.train import prepare, train

    folder = Path(tempfile.mkdtemp())
    np.save(folder / "images.npy", np.concatenate(images()))
    data = f"arrays, path: {folder / 'images.npy'}, validation: 0.0833, test: 0.0002"
    text = RECIPE.format(data=data, pretext=pretext, batch=BATCH, epochs=EPOCHS)
    (folder / "vae.yaml").write_text(text)
    prepared = prepare(load(folder / "vae.yaml"))
    sys.stdout = open(os.devnull, "w")  # the progress lines
    train(prepared, Run.create(folder / "runs", "vae"))
    sys.stdout = sys.__stdout__
    return rate(sys.modules["vae_epoch"].EpochClock.moments, prepared.data.train.size)


def bare_fit(backend: str, **settings: object) -> float:
    from kssl.system import devices

    devices.choose(backend)
    devices.load_keras()
    import kssl

    train, validation = images()
    model = kssl.models.VAE(latent_dim=20)
    model.compile("adam", **settings)
    clock = make_clock()
    options = {"batch_size": BATCH, "epochs": EPOCHS, "verbose": 0, "callbacks": [clock]}
    model.fit(train, validation_data=(validation,), **options)
    return rate(clock.moments, len(train))


def torch_loop() -> float:
    import torch
    from torch import nn
    from torch.nn import functional

    train, validation = (torch.from_numpy(each.reshape(len(each), 784)) for each in images())
    encode, heads = nn.Linear(784, 400), nn.Linear(400, 40)
    decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    parameters = [*encode.parameters(), *heads.parameters(), *decode.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def loss_of(batch: torch.Tensor) -> torch.Tensor:
        mean, log_variance = heads(functional.relu(encode(batch))).chunk(2, 1)
        latent = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        error = functional.binary_cross_entropy_with_logits(decode(latent), batch, reduction="sum")
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (error + kl) / len(batch)

    moments = []
    for _ in range(EPOCHS):
        moments.append(time.perf_counter())
        order = torch.randperm(len(train))
        for first in range(0, len(train), BATCH):
            loss = loss_of(train[order[first : first + BATCH]])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            for batch in validation.split(BATCH):
                loss_of(batch)
    return rate(moments, len(train))


def make_clock():
    import keras

    class EpochClock(keras.callbacks.Callback):
        """Notes when each epoch begins."""

        moments: list[float] = []

        def on_epoch_begin(self, epoch, logs=None):
            self.moments.append(time.perf_counter())

    return EpochClock()


def __getattr__(name: str):
    if name == "EpochClock":  # the recipe of `kssl fit` names it; Keras is imported by then
        globals()[name] = type(make_clock())
        return globals()[name]
    raise AttributeError(name)


def run(contender: str) -> float:
    what, _, backend = contender.partition(" on ")
    if what == "tight PyTorch loop":
        return torch_loop()
    if what.startswith("kssl"):
        sys.path.insert(0, str(Path(__file__).parent))
        return kssl_fit(backend, "binarize" if "binarized" in what else "")
    tuned = {"steps_per_execution": 16, "jit_compile": False} if "tuned" in what else {}
    return bare_fit(backend, **tuned)


def main() -> None:
    figures = contest(here(__file__), CONTENDERS)
    table("VAE 784-400-20, whole epoch", "", figures, "tight PyTorch loop")
    for backend in BACKENDS:
        pair = [f"{what} on {backend}" for what in ("bare fit", "kssl fit")]
        if all(name in figures for name in pair):
            fraction = ratio_of({name: figures[name][""] for name in pair}, *pair)
            print(f"  an epoch of kssl fit takes {fraction:.2f} of bare fit on {backend}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
