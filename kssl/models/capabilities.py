"""What a model can do beyond `embed`: protocols that evaluations, figures and commands ask for.

A model has a capability if it has its members; it inherits from nothing for that. The first line of
each docstring completes the sentence "it needs a model that …".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Embeds(Protocol):
    """gives each example an embedding (`embed`)"""

    def embed(self, x: Any) -> Any:
        """Return the representation `(batch, features)`."""


@runtime_checkable
class HasEncoder(Embeds, Protocol):
    """embeds by one encoder (`embed`, `encoder`)"""

    encoder: Any


@runtime_checkable
class NeedsLabels(Protocol):
    """may be trained on labels (`needs_labels`)"""

    needs_labels: bool


@runtime_checkable
class Reconstructs(Protocol):
    """reconstructs its input from its embedding (`reconstruct`)"""

    def reconstruct(self, x: Any) -> Any:
        """Return the input rebuilt, in the units and the shape of the data."""


@runtime_checkable
class HasLatent(Protocol):
    """has a latent space of known width (`latent_dim`)"""

    latent_dim: int


@runtime_checkable
class Decodes(HasLatent, Protocol):
    """turns points of its latent space into data (`decode`, `latent_dim`)"""

    def decode(self, code: Any) -> Any:
        """Return the data of latent points `(batch, latent_dim)`."""


@runtime_checkable
class Corrupts(Protocol):
    """is trained to undo a corruption of its input (`corrupt`)"""

    def corrupt(self, x: Any) -> Any:
        """Return the input with the corruption that the model is trained on."""


@runtime_checkable
class HidesPatches(Protocol):
    """is trained to fill in hidden parts of an image (`hide`)"""

    def hide(self, x: Any, seed: int = 0) -> Any:
        """Return the images as the encoder sees them, the hidden patches grey."""


@runtime_checkable
class Generates(Protocol):
    """generates examples (`generate`)"""

    def generate(self, count: int, seed: int | None = None) -> Any:
        """Return `count` new examples: images in [0, 1], or ids of text."""


@runtime_checkable
class HasSamplers(Generates, Protocol):
    """generates by one of several samplers (`generate`, `samplers`)"""

    samplers: tuple[str, ...]


@runtime_checkable
class GeneratesClasses(Generates, Protocol):
    """generates examples of a class that it is asked for (`generate`, `classes`)"""

    classes: int | None


@runtime_checkable
class Denoises(Protocol):
    """generates by removing noise step by step (`denoise`, `trajectory`)"""

    def denoise(self, noisy: Any, level: Any) -> Any:
        """Return what the model takes the clean data to be."""

    def trajectory(self, count: int, seed: int | None = None) -> Any:
        """Return the images after each step of sampling."""


@runtime_checkable
class Inpaints(Protocol):
    """fills in parts of an image that a mask names (`inpaint`)"""

    def inpaint(self, images: Any, mask: Any) -> Any:
        """Return the images with the parts filled in where the mask is 0."""


@runtime_checkable
class HasDensity(Protocol):
    """gives a log-likelihood (`log_prob`)"""

    def log_prob(self, x: Any, samples: int = 1) -> Any:
        """Return the log-likelihood of each example, or a bound of it, in nats."""


@runtime_checkable
class HasLikelihood(HasDensity, Protocol):
    """names the likelihood of a value (`log_prob`, `likelihood`)"""

    likelihood: str


@runtime_checkable
class ScoresTokens(Protocol):
    """predicts each token from those before it (`token_losses`, `vocabulary_size`)"""

    vocabulary_size: int

    def token_losses(self, x: Any) -> Any:
        """Return the negative log-probability of each token in nats."""


@runtime_checkable
class FillsIn(Protocol):
    """predicts masked tokens (`predict_masked`)"""

    def predict_masked(self, x: Any) -> dict[str, Any]:
        """Return `target`, `predicted` and `log_probability` of the masked tokens."""


@runtime_checkable
class SolvesTask(Protocol):
    """predicts the pseudo-label of a pretext task (`predict_target`)"""

    def predict_target(self, x: Any) -> Any:
        """Return the most likely class of the pseudo-label of each example."""


@runtime_checkable
class PredictsMaps(Protocol):
    """predicts a class or values at each place of an image (`predict_map`, `target_classes`)"""

    target_classes: int | None

    def predict_map(self, x: Any) -> Any:
        """Return `(batch, rows, columns, channels)`: probabilities of classes, or values."""


@runtime_checkable
class HasTextBackbone(Protocol):
    """has a text backbone that can be fine-tuned (`text_backbone`)

    What is called to fine-tune it is a copy of the model, made with `from_config(get_config())` and
    `build_from_config(get_build_config())`, so the model must come back from these, as one that is
    saved must. `example_shape` is `(length,)`, the most ids of a row. One that also `IsCausal` is
    given texts and read as suits that, see `kssl.evaluation.finetuning.text_rows.TextRows`.
    """

    def text_backbone(self, dropout: float = 0.0) -> Any:
        """Return a copy of the backbone with the same weights, ids and masks to features.

        Args:
            dropout: Share of features that the copy sets to zero in training.

        Returns:
            A functional `keras.Model` of rows of any length. Its inputs are a dict of `token_ids`,
            `padding_mask` (1 where there is a token, 0 for padding) and, if it tells two texts
            apart, `segment_ids` (0 in the first, 1 in the second); each int32 `(batch, length)`.
            Its outputs are a dict of `sequence_output` `(batch, length, width)`, features of each
            token, and, if it has learned features of a row as a whole, `pooled_output`
            `(batch, width)`.
        """


@runtime_checkable
class IsCausal(Protocol):
    """sees at each token only those before it (`causal`)"""

    causal: bool


@runtime_checkable
class Projects(Protocol):
    """compares projections of several views (`project`)"""

    def project(self, x: Any) -> Any:
        """Return what the loss compares, `(batch, projection)`."""


@runtime_checkable
class MakesViews(Protocol):
    """makes the views of an example itself (`make_views`)"""

    def make_views(self, x: Any) -> Any:
        """Return two views of each example, a list of tensors like them."""


@runtime_checkable
class BringsFigures(Protocol):
    """brings figures of its own to the report (`figures`)"""

    def figures(self) -> Mapping[str, tuple[str, str]]:
        """Return name -> (title, `"module:function"`); see `kssl.report.figures`."""


def missing(model: Any, *capabilities: type | str) -> str:
    """Return in words which of the capabilities a model lacks first; empty if it has all.

    Args:
        model: Any model.
        capabilities: Protocols, or the names of protocols of this module.

    Example:
        >>> missing(object(), Generates)
        'it needs a model that generates examples (`generate`), and object is not one'
    """
    for each in capabilities:
        capability = globals()[each] if isinstance(each, str) else each
        if not (isinstance(model, capability) and _supported(model, capability)):
            needed = (capability.__doc__ or "").strip().splitlines()[0]
            return f"it needs a model that {needed}, and {type(model).__name__} is not one"
    return ""


def has(model: Any, *capabilities: type | str) -> bool:
    """Return whether a model has all of these capabilities."""
    return not missing(model, *capabilities)


def _supported(model: Any, capability: type) -> bool:
    supports = getattr(model, "supports", None)  # a plain Keras model of a plugin has none
    return supports is None or bool(supports(capability))


def compares_examples(model: Any) -> bool:
    """Return whether the loss of a model compares the examples of a batch with one another."""
    return bool(getattr(getattr(model, "loss", None), "spans_batch", False))
