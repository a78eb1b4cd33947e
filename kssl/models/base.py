"""The base class of all models: its loss, its representation, and what it reads."""

from __future__ import annotations

import importlib
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl import moved, signature
from kssl.layers import fused, parts
from kssl.modalities import Image, Modality, of_keys
from kssl.modalities.checked import checked
from kssl.modalities.given import (
    WEIGHT,
    batch_shapes,
    floating,
    packed,
    packed_validation,
    said_if_not_finite,
    weighed,
)
from kssl.optimizers.fused import fuse


class _BatchMean(keras.losses.Loss):
    """The mean of values that are losses already; Keras scales it on several devices."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


@checked("predict", "train_on_batch", "test_on_batch")
class Model(keras.Model):
    """A `keras.Model` that knows its own loss and its representation.

    A subclass keeps each constructor argument as an attribute of the same name (its
    configuration is read from there), builds its layers in `build`, and implements `embed`,
    `call` and `objective`. It is final: the only abstract classes between it and this one are
    `JointEmbedding` and `PretextClassifier`.

    Attributes:
        needs_labels: Whether it is trained on labels. Only then does kssl leave `label` in the
            batches of training, refuse data without it, and say so in the record of the run.
        modality: Which kind of data it embeds. One that can read several takes it as an argument.
        target_key: The key under which targets that are given as `y` join the batch; empty for a
            model that makes its targets itself.
        example_shape: Shape of one example, once the model is built; a dict of shapes where the
            modality has several keys.
    """

    needs_labels: bool = False
    modality: Modality = Image()
    target_key: str = "target"
    example_shape: Any
    stateless_call = parts.as_one_call(keras.Model.stateless_call)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("__init__", "build"):
            if name in vars(cls):
                method = parts.under_own_policy(vars(cls)[name])
                setattr(cls, name, fused.after(method) if name == "build" else method)
        if "reads" in vars(cls) and "modality" not in vars(cls):
            warnings.warn(
                f"{cls.__name__}.reads: since kssl 0.2 a model says which modality it reads: "
                "modality = kssl.modalities.Tokens()",
                FutureWarning,
                stacklevel=2,
            )
            cls.modality = of_keys({vars(cls)["reads"]}) or Image()

    @abstractmethod
    def embed(self, x: Any) -> Any:
        """Return the representation `(batch, features)` that is used after training."""

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss of a batch, a scalar.

        Layers are called in `call`: what they would add to the loss here is lost.

        Args:
            batch: What the model was called with; `y` is in it, under `target_key`.
            outputs: What `call` returned.
            sample_weight: `(batch,)` or None.
            training: False in validation, where no state may move.
        """
        raise NotImplementedError(f"{type(self).__name__} has no objective: define that method")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the objective, and what layers have added to it, such as regularisation."""
        if y is not None and self.target_key:
            x = {**self.as_batch(x), self.target_key: y}
        elif y is not None:
            warnings.warn(
                f"{type(self).__name__} is trained without labels or targets: y is not used",
                stacklevel=2,
            )
        if sample_weight is None and isinstance(x, Mapping):
            sample_weight = x.get(WEIGHT)
        return sum(self.losses, self.objective(x, y_pred, sample_weight, training))

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """Configure training as in Keras; the loss is its own, and "auto" takes XLA where it gains.

        Raises:
            ValueError: If a loss is given here instead of to the constructor.
        """
        if loss is not None or kwargs.get("loss_weights") is not None:
            told = "brings its own loss, unweighted: pass loss= to the constructor"
            raise ValueError(f"{type(self).__name__} {told}")
        own = getattr(self, "loss", None)
        kwargs["jit_compile"] = fused.jit(kwargs.get("jit_compile", "auto"))
        super().compile(optimizer=optimizer, loss=None, **kwargs)
        self.loss = own  # Keras' compile has overwritten the constructor argument
        fuse(self.optimizer)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train, as in Keras; values are checked first.

        Weights of examples may be `sample_weight`, or a key of that name in the batch.
        """
        weight = kwargs.pop(WEIGHT, None)
        kwargs["validation_data"] = packed_validation(self, kwargs.get("validation_data"))
        if kwargs.get("class_weight") is not None and weight is None:
            kwargs["class_weight"], weight = weighed(self, x, y, kwargs["class_weight"])
        x, y, kwargs[WEIGHT] = packed(self, x, y, weight)
        self.make_variables(x)
        if self.built:
            self.check_built()
        return said_if_not_finite(self, super().fit(x, y, *args, **kwargs))

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the loss and the metrics, as in Keras; values are checked first."""
        if not kwargs.get("_use_cached_eval_dataset"):  # `fit` has checked it
            x, y, kwargs[WEIGHT] = packed(self, x, y, kwargs.get(WEIGHT))
        return super().evaluate(x, y, *args, **kwargs)

    def make_variables(self, x: Any) -> None:
        """Make the variables before the step is traced: TensorFlow would trace it a second time."""
        if getattr(self, "_distribute_strategy", None) is not None or not self.compiled:
            return  # Keras does it itself, where the strategy wants them, or complains
        examples = x[0] if isinstance(x, keras.utils.PyDataset) else getattr(x, "element_spec", x)
        shapes = None if self.built else batch_shapes(examples)
        if shapes is not None:
            self.build(shapes)
        if self.built and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def check_built(self) -> None:
        """Raise a ValueError if parts of the model are incompatible, before it is trained."""

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on a batch of such values."""
        self.check_values(self.modality.pick(batch))

    def check_values(self, examples: Any) -> None:
        """Raise a ValueError if the model cannot be trained on such values of what it reads."""
        self.modality.check_values(examples, type(self).__name__)

    def supports(self, capability: type) -> bool:
        """Return whether the settings of this instance allow what its class can do.

        Args:
            capability: A protocol of `kssl.models.capabilities` whose members the class has.
        """
        return True

    def tensor_of(self, x: Any) -> Any:
        """Return the one tensor of what the modality reads.

        Raises:
            ValueError: There are several.
        """
        picked = self.modality.pick(x)
        if not isinstance(picked, Mapping):
            return floating(picked, self.modality.keys)
        if len(picked) > 1:
            raise ValueError(
                f"{type(self).__name__} reads one tensor, and the {self.modality.name} has "
                f"{' and '.join(picked)}: put the transform one_hot before it"
            )
        return floating(next(iter(picked.values())), self.modality.keys)

    def target_of(self, batch: Any) -> Any:
        """Return what a reconstruction is compared with: `target` where there is one.

        Raises:
            ValueError: Its shape is not that of what is rebuilt.
        """
        if not (isinstance(batch, Mapping) and self.target_key in batch):
            return self.tensor_of(batch)
        target, example = batch[self.target_key], self.tensor_of(batch)
        wanted, got = tuple(example.shape)[1:], tuple(target.shape)[1:]
        if wanted != got:
            raise ValueError(
                f"{type(self).__name__} rebuilds examples of shape {wanted}, and what they are "
                f"compared with (y, or 'target') has shape {got}: leave it out to compare with the "
                "examples themselves; labels are not needed"
            )
        return target

    def as_batch(self, x: Any) -> Mapping[str, Any]:
        """Return a batch as it is; a bare tensor stands for the first key of the modality."""
        return x if isinstance(x, Mapping) else {next(iter(self.modality.keys)): x}

    def average(self, values: Any, sample_weight: Any = None) -> Any:
        """Return the mean of per-example losses `(batch,)`, right on several devices too."""
        return _BatchMean(name="batch_mean")(ops.zeros_like(values), values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype_policy.name, **signature.config_of(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Model:
        return cls(**signature.restored(cls, config, custom_objects))

    def get_build_config(self) -> dict[str, Any]:
        shape = getattr(self, "example_shape", None)
        if not self.built or shape is None:
            return {}
        several = isinstance(shape, Mapping)
        shape = {k: list(v) for k, v in shape.items()} if several else list(shape)
        config = {"example_shape": shape, "frozen": parts.frozen(self)}
        return config if self.trainable else {**config, "trainable": False}

    def build_from_config(self, config: dict[str, Any]) -> None:
        if "example_shape" in config:
            self.build(batch_shape(self.built_shapes(config)))
            parts.freeze(self, config.get("frozen", {}))
            if not config.get("trainable", True):
                self.trainable = False

    def built_shapes(self, config: dict[str, Any]) -> Any:
        """Return of `get_build_config` the shapes of an example that `build` needs."""
        return config["example_shape"]


def batch_shape(example_shape: Any) -> Any:
    """Return the shape `(None, …)`, or dict of shapes, that `build` takes for examples."""
    if isinstance(example_shape, Mapping):
        return {key: (None, *shape) for key, shape in example_shape.items()}
    return (None, *example_shape)


def pick(x: Any, key: str = "image") -> Any:
    """Return what a model reads from a batch: the tensor itself, or `x[key]` of a dict.

    Raises:
        KeyError: If the dict has no such key.
        ValueError: Images are whole numbers.
    """
    if isinstance(x, dict) and key not in x:
        raise KeyError(f"the batch has no {key!r}; it has {', '.join(sorted(x))}")
    picked = x[key] if isinstance(x, dict) else x
    return floating(picked, Image.keys) if key == "image" else picked


def example_shape(input_shape: Any, key: str = "image") -> tuple[int, ...]:
    """Return the shape of one example from the shape, or dict of shapes, given to `build`."""
    shape = tuple(pick(input_shape, key))[1:]
    if not shape or any(size is None for size in shape):
        raise ValueError(f"{key} must have one known shape; got {shape}")
    return shape


def to_data(loss: keras.losses.Loss, prediction: Any) -> Any:
    """Return a prediction in the units of the data, where the loss knows how."""
    return loss.to_data(prediction) if hasattr(loss, "to_data") else prediction


def default(layer: keras.layers.Layer | None, units: Sequence[int]) -> keras.layers.Layer:
    """Return the given encoder or decoder, else a small dense one."""
    from kssl.layers import MLP

    return MLP(units) if layer is None else layer


def __getattr__(name: str) -> Any:
    if name in ("MethodCall", "compiled", "encoder_of", "run"):  # here in version 0.1
        moved.warn(f"kssl.models.base.{name}", f"kssl.models.inference.{name}")
        return getattr(importlib.import_module("kssl.models.inference"), name)
    raise AttributeError(f"module 'kssl.models.base' has no attribute {name!r}")
