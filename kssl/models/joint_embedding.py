"""What methods that compare views share: branches, a teacher, views of any number and size.

Chen and He, arXiv:2011.10566, and Grill et al., arXiv:2006.07733, for the shape that all of them
have: views of an example go through an encoder and a projector; a loss draws them together, and
something keeps them from collapsing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import ConvNet, MomentumEncoder, ProjectionHead, RandomView
from kssl.layers.base import Layer, built
from kssl.modalities import Image, Modality, get
from kssl.modalities.given import floating, in_unit_interval
from kssl.models.base import Model
from kssl.models.capabilities import MakesViews

LARGE, SMALL = ("view_1", "view_2"), "local_views"


@keras.saving.register_keras_serializable(package="kssl")
class Branch(Layer):
    """An encoder and a projector behind it: what a view goes through.

    Args:
        encoder: Layer or model from views to features, flattened if they have axes.
        projector: Layer from features `(batch, features)` to projections.

    Call arguments:
        inputs: Views `(batch, …)`.

    Returns:
        Projections `(batch, projection)`.

    Example:
        >>> import keras, kssl
        >>> branch = kssl.models.Branch(kssl.layers.MLP([8]), kssl.layers.ProjectionHead(4))
        >>> branch(keras.ops.ones((2, 6, 6, 1))).shape
        (2, 4)
    """

    def __init__(
        self, encoder: keras.layers.Layer, projector: keras.layers.Layer, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.projector = projector
        self.flatten = keras.layers.Flatten()

    def build(self, input_shape: Any) -> None:
        built(self.encoder, input_shape)
        features = self.encode(keras.KerasTensor(tuple(input_shape)))  # (batch, features)
        built(self.projector, features.shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.projector(self.encode(inputs, training), training=training)

    def encode(self, inputs: Any, training: bool = False) -> Any:
        """Return the features `(batch, features)` that stand before the projector."""
        return self.flatten(self.encoder(inputs, training=training))

    def compute_output_shape(self, input_shape: Any) -> Any:
        features = self.encode(keras.KerasTensor(tuple(input_shape)))
        return built(self.projector, features.shape)


class JointEmbedding(Model):
    """Abstract: views of each example, an encoder and a projector, and perhaps a teacher.

    A method is a subclass with an `objective` of `outputs["student"]` and, if it has called
    `follow_student` in its constructor, `outputs["teacher"]`: lists of projections
    `(batch, projection)`, one for each view, large views first. The teacher sees large views only.
    With a `predictor`, `outputs["prediction"]` has what it makes of those of the large views.
    All views of one size go through a branch as one batch, so that batch normalisation sees them
    together.

    Args:
        encoder: Any layer or model from views to features, flattened if they have axes; None is
            `kssl.layers.ConvNet`.
        projector: Any layer from features to what the loss compares; None is
            `ProjectionHead(128, hidden_dim=512)`.
        augment: `"device"`: two views are made of each image within the step, of training and of
            validation, by `RandomView`; or any Keras layer that does so. None: the batch has
            `view_1`, `view_2` and perhaps `local_views` `(batch, views, …)`, as
            `kssl.pretext.two_views` and `multi_crop` make them.
        modality: What is read; None is images.

    Raises:
        ValueError: There are neither views nor `augment`, or `augment` is another word.
    """

    target_key = ""
    large_views = LARGE  # keys of a batch

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(augment, str) and augment != "device":
            raise ValueError(f'augment must be "device", a layer or None; got {augment!r}')
        self.encoder = ConvNet() if encoder is None else encoder
        self.projector = ProjectionHead(128, hidden_dim=512) if projector is None else projector
        self.augment = augment
        self.modality = Image() if modality is None else get(modality)
        self.views = RandomView() if augment == "device" else augment
        self.student = Branch(self.encoder, self.projector)
        self.teacher: MomentumEncoder | None = None
        self.predictor: keras.layers.Layer | None = None  # of the class, it would hide PyTorch's

    def follow_student(
        self, momentum: float, final_momentum: float, total_steps: int | None
    ) -> None:
        """Give the method a teacher; see `kssl.layers.MomentumEncoder`."""
        self.teacher = MomentumEncoder(self.student, momentum, final_momentum, total_steps)

    def build(self, input_shape: Any) -> None:
        of_views = isinstance(input_shape, Mapping) and self.large_views[0] in input_shape
        if of_views and self.augment is None:
            ((key, _),) = self.modality.keys.items()
            input_shape = {key: input_shape[self.large_views[0]]}
        self.example_shape = self.modality.example_shape(input_shape)
        shape = (None, *self.tensor_of(self.example_shape))
        self.student.build(shape)
        if self.teacher is not None:
            self.teacher.build(shape)
        self.build_heads(self.student.compute_output_shape(shape))
        if self.views is not None and not self.views.built:
            self.views.build(shape)  # its seeds are state: a run resumes with all of it
        self.built = True

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        """Build what the method has behind the projector, for projections of that shape."""

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        if self.augment is not None:
            super().check_batch(batch)
            if self.augment == "device":
                in_unit_interval(self.tensor_of(batch), 'augment="device"', "give a layer of yours")
            return
        if not set(self.large_views) <= set(batch):
            raise ValueError(self._no_views(batch))
        for key in (*self.large_views, SMALL):  # views are made as floats whatever the images are
            if key in batch:
                self.check_values(batch[key])

    def call(self, inputs: Any, training: bool = False) -> dict[str, list[Any]]:
        large, small = self._views(inputs)
        outputs = {"student": _together(self.student, large, training)}
        if small:
            outputs["student"] += _together(self.student, small, training)
        if self.teacher is not None:
            if training:
                self.teacher.follow(self.student)
            outputs["teacher"] = _together(self.teacher, large, training)
        if self.predictor is not None:  # not in the objective: what it adds to the loss counts
            projections = outputs["student"][: len(large)]
            outputs["prediction"] = [
                self.predictor(each, training=training) for each in projections
            ]
        return outputs

    def embed(self, x: Any, training: bool = False) -> Any:
        """Return the encoder's features `(batch, features)`: what stands before the projector."""
        return self.student.encode(self.tensor_of(x), training)

    def project(self, x: Any, training: bool = False) -> Any:
        """Return what the loss compares, `(batch, projection)`."""
        return self.student(self.tensor_of(x), training=training)

    def supports(self, capability: type) -> bool:
        """Return whether this instance has a capability: views are made with `augment` alone."""
        return capability is not MakesViews or self.views is not None

    def make_views(self, x: Any) -> list[Any]:
        """Return views of each example, in validation too: one is not compared with itself."""
        examples = self.tensor_of(x)
        return [self.views(examples, training=True) for _ in self.large_views]

    def figures(self) -> dict[str, tuple[str, str]]:
        """Return the figure of the report that shows the views, where the model makes them."""
        if self.views is None:
            return {}
        return {"task": ("What the model is trained on", "kssl.report.task_figure:views_on_device")}

    def _views(self, inputs: Any) -> tuple[list[Any], list[Any]]:
        """Return the large views and the small ones, each `(batch, …)`."""
        if self.views is not None:
            return self.make_views(inputs), []
        if not isinstance(inputs, Mapping) or not set(self.large_views) <= set(inputs):
            raise ValueError(self._no_views(inputs))
        small = inputs.get(SMALL)
        large = [floating(inputs[key], self.modality.keys) for key in self.large_views]
        return large, [] if small is None else ops.unstack(small, axis=1)

    def _no_views(self, inputs: Any) -> str:
        there = ", ".join(sorted(inputs)) if isinstance(inputs, Mapping) else "one tensor"
        makes = "two_views" if len(self.large_views) > 1 else "exemplar"
        return (
            f"{type(self).__name__} reads {' and '.join(self.large_views)}, and the batch has "
            f'{there}: put the transform {makes} before it, or give augment="device"'
        )


def _together(branch: keras.layers.Layer, views: list[Any], training: bool) -> list[Any]:
    """Send views of one size through a branch as one batch; return the projections of each."""
    projected = branch(ops.concatenate(views), training=training)  # (views · batch, projection)
    return ops.split(projected, len(views))
