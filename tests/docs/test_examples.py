"""Every example in a docstring of kssl runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import io
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import kssl
from kssl import plugins
from kssl.evaluation import Task

ROOT = Path(__file__).resolve().parent.parent.parent
TFDS = ROOT.parent / "shared" / "data" / "tfds"

SHAPE = re.compile(r"(?:TensorShape|torch\.Size)\(\[([^\]]*)\]\)")


class Output(doctest.OutputChecker):
    """Shapes are written in one way for all backends."""

    def check_output(self, want: str, got: str, flags: int) -> bool:
        return super().check_output(_plain(want), _plain(got), flags)


def _plain(text: str) -> str:
    def as_tuple(found: re.Match[str]) -> str:
        sizes = found[1]
        return f"({sizes},)" if sizes and "," not in sizes else f"({sizes})"

    return SHAPE.sub(as_tuple, text)


# Examples that are not run, and why.
NOT_RUN = {"kssl.runs.train.fit": "a whole run, which docs/start.md has too"}

# Examples that read a prepared copy of a data set.
PREPARED = {
    "kssl.data.sources.tfds.cifar10": "cifar10",
    "kssl.data.sources.tfds.fashion_mnist": "fashion_mnist",
    "kssl.data.sources.tfds.mnist": "mnist",
    "kssl.data.sources.tfds.tfds": "fashion_mnist",
}


def examples() -> dict[str, doctest.DocTest]:
    """Return every docstring of kssl with an example, by its dotted name."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for path in sorted((ROOT / "kssl").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__"):
            module = importlib.import_module(name)
            found += finder.find(module, name, module=module)
    return {each.name: each for each in found if each.examples}


EXAMPLES = examples()


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """What examples speak of: a model, its data, and what an evaluation is given."""
    keras.utils.set_random_seed(0)
    transforms = [kssl.pretext.to_float(), kssl.pretext.binarize()]
    train, test = (
        kssl.data.Pipeline(kssl.data.synthetic(split, (8, 8, 1), count), transforms, 16)
        for split, count in (("train", 96), ("test", 32))
    )
    dataset = train.train().map(lambda batch: batch["image"])
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(train.steps_per_epoch))
    vae, untrained, denoiser, other = (
        model(latent_dim=2)
        for model in (kssl.models.VAE,) * 2 + (kssl.models.DenoisingAutoEncoder,) * 2
    )
    for model in (vae, untrained, denoiser, other):
        model.compile("adam")
        model.build((None, 8, 8, 1))
    task = Task(denoiser, other, train, test)
    both = {"model": vae, "dataset": dataset, "task": Task(vae, untrained, train, test)}
    return both | {"kssl.evaluation.generation.denoising.denoising": {"task": task}}


@pytest.fixture
def run(folder: Path) -> kssl.runs.directory.Run:
    """The first of two finished runs in the current folder."""
    runs = [kssl.runs.directory.Run.create("runs", "vae_mnist") for _ in range(2)]
    for each in runs:
        each.write_text("metrics.csv", "epoch,loss,val_loss\n1,3.0,3.5\n2,2.0,2.5\n")
        each.write_json("results.json", {"results": []})
        each.finish()
    return runs[0]


# Examples that train: `few_label`, and each model whose step takes seconds to trace.
TRAINING = ["kssl.evaluation.finetuning.few_label.few_label"]
TRAINING += [
    f"kssl.models.{file}.{name}"
    for file, name in (
        ("amdim", "AMDIM"),
        ("bert", "BERT"),
        ("byol", "BYOL"),
        ("cmc", "CMC"),
        ("counting", "Counting"),
        ("cpc", "CPCImage"),
        ("deep_cluster", "DeepCluster"),
        ("deep_cluster_v1", "DeepClusterV1"),
        ("dense_prediction", "DensePrediction"),
        ("dino", "DINO"),
        ("diffusion", "Diffusion"),
        ("gpt", "GPT"),
        ("ijepa", "IJEPA"),
        ("instance_discrimination", "InstanceDiscrimination"),
        ("interclr", "InterCLR"),
        ("lejepa", "LeJEPA"),
        ("mae", "MAE"),
        ("moco", "MoCo"),
        ("moco_v3", "MoCoV3"),
        ("nnclr", "NNCLR"),
        ("simmim", "SimMIM"),
        ("simsiam", "SimSiam"),
        ("split_brain", "SplitBrain"),
        ("swav", "SwAV"),
    )
]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in TRAINING else ())
        for name in EXAMPLES
        if name not in NOT_RUN
    ],
)
def test_examples_of_docstrings(
    name: str,
    trained: dict[str, Any],
    run: kssl.runs.directory.Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name in PREPARED:
        if not (TFDS / PREPARED[name]).is_dir():
            pytest.skip(f"needs a prepared copy of {PREPARED[name]}")
        monkeypatch.setenv("TFDS_DATA_DIR", str(TFDS))
    shared = {"np": np, "numpy": np, "keras": keras, "kssl": kssl, "tf": tf, "Path": Path}
    example = EXAMPLES[name]
    example.globs = shared | trained | {"run": run} | example.globs | trained.get(name, {})
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(Output(), verbose=False, optionflags=flags)
    report = io.StringIO()
    failed = runner.run(example, out=report.write).failed
    assert not failed, report.getvalue()


def test_what_is_not_run_or_prepared_is_there() -> None:
    assert set(NOT_RUN) | set(PREPARED) | set(TRAINING) <= set(EXAMPLES)


def test_every_part_has_an_example() -> None:
    parts = [part for kind in plugins.KINDS for part in plugins.offered(kind).values()]
    own = {part.path.replace(":", ".") for part in parts if part.owner == "kssl"}
    assert {path for path in own if not path.endswith(".yaml")} - set(EXAMPLES) == set()
