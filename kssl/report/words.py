"""The words for results and metrics, the same in the terminal and in the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

OWN = "this model"

# What the names of metrics, as `metrics.csv` and the terminal have them, mean.
METRICS = {
    "loss": "what training makes smaller, regularisers included",
    "spread": "how evenly the embeddings lie: about 1 is even over the sphere, 0 a collapse (all "
    "are the same)",
    "effective_rank": "how many directions the embeddings use, of as many as there are features",
    "alignment": "mean squared distance of the embeddings of two views of one example: 0 is best, "
    "2 is that of unrelated ones",
    "uniformity": "how evenly pairs of embeddings are apart: 0 is a collapse, about -4 even; lower "
    "is better",
    "kl": "nats by which the code of an example differs from the prior: the price of the code",
    "reconstruction": "how badly the input is rebuilt from its code",
    "masked_accuracy": "how many of the hidden tokens are guessed, of 1",
    "masked_loss": "cross-entropy of the hidden tokens, in nats for each",
    "pair_accuracy": "how often it is said rightly whether two texts belong together, of 1",
    "pair_loss": "cross-entropy of whether two texts belong together, in nats",
    "left_out": "hidden tokens of a batch that did not fit into max_predictions",
    "accuracy": "how often the right answer comes first, of 1",
    "stability": "how much clusters say of those of the epoch before: 1 if they are the same",
    "clusters_used": "clusters that have an example, of 1",
    "labels_changed": "examples of a batch whose cluster is another than before, of 1",
    "perplexity": "among how many equally likely tokens the model seems to choose; 1 is best",
    "learning_rate": "factor of each step of the optimizer",
}

# What the numbers of a metric are counted in, where that is the same for every method.
UNITS = {
    "kl": "nats",
    "masked_loss": "nats per token",
    "pair_loss": "nats",
    "effective_rank": "directions",
    "left_out": "tokens per batch",
    "seconds": "seconds",
}

# What stands beside the number of the model.
BASELINES = {
    "untrained": "the same network with fresh weights",
    "untrained, rescaled": "the same, its random weights at the scale of the data",
    "pixels": "the same measurement on the pixels themselves",
    "PCA": "on as many principal components of the input as the embedding is wide",
    "majority class": "always the most frequent class",
    "random clusters": "each example in one of as many clusters, drawn evenly",
    "chance": "the best constant answer",
    "shortcut": "a linear model on what could give the answer away, such as borders or lengths",
    "mean image": "always the mean of the training images",
    "colour histogram": "on the counts of colours, which know nothing of shapes",
    "most frequent token": "always the most frequent token",
    "token frequencies": "each token as often as in the training split",
    "independent pixels": "each pixel by itself, as often on as in the training split",
    "from scratch": "the same network trained on the labels alone",
}


def stand_in(data: Mapping[str, Any]) -> dict[str, str]:
    """What is called `used` and `stand_in_for` in the record of data; empty without a stand-in."""
    if not data.get("stand_in_for"):
        return {}
    called = {**data, **(data.get("called") or {})}
    return {key: str(called.get(key) or "other data") for key in ("used", "stand_in_for")}


def written(name: str) -> str:
    """Return a name of code as words.

    Example:
        >>> written("effective_rank")
        'effective rank'
    """
    return name.replace("_", " ")


def meaning(name: str, words: Mapping[str, str]) -> str:
    """Return what a metric or a baseline is; empty where nothing is written about it."""
    return words.get(name, words.get(written(name), ""))


def explained(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return (metric in words, what it means) of those metrics that there is something to say of.

    Example:
        >>> explained(["val_loss", "mine"])[0][0]
        'loss'
    """
    plain = dict.fromkeys(name.removeprefix("val_") for name in names)
    return [(written(name), METRICS[name]) for name in plain if name in METRICS]


def labels(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each result by its evaluation, with the settings that tell it from its namesakes."""
    keys = [(result.get("name", ""), result.get("metric", "")) for result in results]
    often = Counter(keys)
    return [
        f"{name} ({told})"
        if often[name, metric] > 1 and (told := _difference(result, results))
        else str(name)
        for (name, metric), result in zip(keys, results, strict=True)
    ]


def _difference(result: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> str:
    own = (result.get("name"), result.get("metric"))
    same = [each for each in results if (each.get("name"), each.get("metric")) == own]
    parts = [
        f"{key}={value}"
        for key, value in (result.get("settings") or {}).items()
        if any((other.get("settings") or {}).get(key) != value for other in same)
    ]
    return ", ".join(parts)
