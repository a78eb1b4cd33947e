"""Diffusion: a denoising network that generates images from noise.

Ho et al., DDPM, arXiv:2006.11239; Song et al., DDIM, arXiv:2010.02502; Karras et al., EDM,
arXiv:2206.00364; Ho and Salimans, Classifier-Free Diffusion Guidance, arXiv:2207.12598.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl import losses
from kssl.diffusion import EDMNoise, NoiseSchedule, ReverseProcess, SeededNoise, convert
from kssl.diffusion.guidance import chosen_labels, classifier_free_guidance, training_labels
from kssl.diffusion.noise_schedules import SCHEDULES
from kssl.diffusion.samplers import SAMPLERS
from kssl.layers import UNet, UNetFeatures
from kssl.modalities.given import check_labels, in_unit_interval
from kssl.models.base import Model, example_shape, pick
from kssl.models.capabilities import GeneratesClasses
from kssl.models.inference import compiled

NOISES = (*SCHEDULES, "edm")
FIGURES = ("classes", "reverse_process", "forward_process", "inpainting")


@keras.saving.register_keras_serializable(package="kssl", name="DiffusionModel")  # not the loss
class Diffusion(Model):
    """Denoising network, trained at every noise level and sampled from the highest to none.

    Images are in [0, 1] outside and in [-1, 1] inside. With `classes` it is trained on labels
    (`needs_labels`): `fit({"image": images, "label": labels})`. Some of them are replaced by the
    class "none", number `classes`, so that guidance can tell what the class adds. Sample with
    averaged weights: train with `kssl.optimizers.EMA`.

    Args:
        network: Called with images, times `(batch,)` and, with `classes`, labels; `UNet` is one.
            None is a small `UNet`.
        noise: `"cosine"` or `"linear"`, tables of timesteps; `"edm"`, continuous levels with EDM's
            preconditioning. See `kssl.diffusion.NoiseSchedule` and `EDMNoise`.
        timesteps: Length of the table.
        classes: Number of classes, the same as the network's; None is without.
        drop_label: Fraction of the labels that training replaces by "none".
        loss: `kssl.losses.Diffusion`, which says what is predicted and how noise levels weigh;
            None is the velocity `"v"` with equal weights or, for `"edm"`, EDM's own
            (`Diffusion("x0", "edm")`).

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image` and `label`.

    Returns:
        Dict of `clean`, `noise`, `prediction`, and of each example `signal` and `snr`.

    Raises:
        ValueError: If a name is unknown, the network has other classes, or `drop_label` is out of
            range.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.Diffusion(kssl.layers.UNet([8], blocks=1))
        >>> model.compile("adam")
        >>> history = model.fit(numpy.zeros((32, 8, 8, 1), "float32"), verbose=0)
        >>> model.generate(2, steps=4).shape
        (2, 8, 8, 1)
    """

    target_key = ""
    samplers = tuple(SAMPLERS)

    def __init__(
        self,
        network: keras.layers.Layer | None = None,
        noise: str = "cosine",
        timesteps: int = 1000,
        classes: int | None = None,
        drop_label: float = 0.1,
        loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs, autocast=False)  # half precision cannot hold a noise level
        if noise not in NOISES:
            raise ValueError(f"noise must be one of {', '.join(NOISES)}; got {noise!r}")
        if loss is None:
            loss = losses.Diffusion(*(("x0", "edm") if noise == "edm" else ("v",)))
        if not isinstance(loss, losses.Diffusion):
            raise ValueError(f"loss must be kssl.losses.Diffusion; got {loss!r}")
        if noise == "edm" and loss.prediction != "x0":
            raise ValueError(f'noise "edm" predicts "x0"; the loss predicts "{loss.prediction}"')
        network = network or UNet((32, 64), blocks=1, attention=(), classes=classes)
        if (own := getattr(network, "classes", classes)) != classes:
            raise ValueError(f"the network has classes={own}, the model {classes}: give both alike")
        if not 0 <= drop_label < 1:
            raise ValueError(f"drop_label must be in [0, 1); got {drop_label}")
        self.network = network
        self.noise = noise
        self.timesteps = timesteps
        self.classes = classes
        self.drop_label = drop_label
        self.loss = loss
        self.needs_labels = classes is not None
        edm = noise == "edm"
        self.schedule = EDMNoise(loss.sigma_data) if edm else NoiseSchedule(noise, timesteps)
        level = np.array([0.1 if edm else timesteps // 20], "float32")
        scale, time = self.schedule.network_inputs(np.ones((1, 1), "float32"), level)
        self.to_features = UNetFeatures(network, float(time[0]), float(scale[0, 0]))
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        self.to_features.build((None, *self.example_shape))
        self.built = True

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError unless images are in [0, 1] and labels among the classes."""
        super().check_batch(batch)
        in_unit_interval(pick(batch), type(self).__name__)
        if self.classes is not None and "label" in batch:
            check_labels(batch["label"], type(self).__name__, self.classes)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        clean = 2.0 * ops.cast(pick(inputs), "float32") - 1.0
        count = ops.shape(clean)[0]
        level = self.schedule.draw(count, self.seed_generator)  # (batch,)
        noise = keras.random.normal(ops.shape(clean), dtype="float32", seed=self.seed_generator)
        dropped = self.drop_label if training else None
        given = inputs.get("label") if isinstance(inputs, dict) else None
        labels = training_labels(given, count, self.classes, dropped, self.seed_generator)
        noisy = self.schedule.add_noise(clean, noise, level)
        return {
            "clean": clean,
            "noise": noise,
            "prediction": self._predict(noisy, level, labels, training),
            "signal": ops.square(self.schedule.rates(level)[0]),
            "snr": self.schedule.snr(level),
        }

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the weighted squared error of what the loss says is predicted."""
        target = self.loss.target(outputs["clean"], outputs["noise"], outputs["signal"])
        weight = self.loss.weight(outputs["snr"])  # (batch,)
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        return self.loss(target, outputs["prediction"], sample_weight=weight)

    def embed(self, x: Any) -> Any:
        """Return the features `(batch, features)` of the network's middle, see `UNetFeatures`.

        The image is shown without noise, at a twentieth of the timesteps (or σ = 0.1).
        """
        return self.to_features(pick(x))

    def denoise(self, noisy: Any, level: Any, labels: Any = None, guidance: Any = None) -> Any:
        """Return what noisy images are taken to be without noise, in [-1, 1].

        Args:
            noisy: `(batch, height, width, channels)`: `α · clean + σ · noise`.
            level: `(batch,)`: timesteps, or σ with `"edm"`.
            labels: `(batch,)`; the number `classes` is "none".
            guidance: See `generate`; None is off.
        """
        prediction = self._predict(noisy, level, labels, training=False)
        if guidance is not None:
            nothing = ops.full_like(labels, self.classes)
            free = self._predict(noisy, level, nothing, training=False)
            prediction = classifier_free_guidance(prediction, free, guidance)
        rates = self.schedule.rates(level)
        clean = convert(noisy, prediction, rates, self.loss.prediction)["x0"]
        return ops.clip(clean, -1.0, 1.0)

    def generate(
        self,
        count: int,
        seed: int | None = None,
        labels: int | Sequence[int] | None = None,
        guidance: float = 1.0,
        steps: int | None = None,
        sampler: str = "ddim",
        eta: float = 0.0,
    ) -> Any:
        """Return `count` images in [0, 1]; the same seed gives the same images.

        Args:
            count: How many.
            seed: Of the noise; None draws one.
            labels: A class, or one for each image; None takes the classes in turn, the number
                `classes` is "none".
            guidance: Scale s of `uncond + s · (cond - uncond)`, `1 + w` of the paper: 1 is off,
                more is closer to the class and less varied.
            steps: How many noise levels are visited; None is 50, or all where there are fewer.
            sampler: `"ddim"`, `"ddpm"` or `"heun"`.
            eta: Of DDIM: 0 draws no noise after the start, 1 as much as DDPM.

        Raises:
            ValueError: If a setting is unknown or out of range, or there are no classes.
        """
        process = ReverseProcess(self.schedule, steps, sampler, eta)
        chosen = chosen_labels(count, labels, self.classes, guidance)
        return self._draw(process, seed, chosen, guidance)

    def trajectory(
        self, count: int, seed: int = 0, labels: Any = None, guidance: Any = 1.0, steps: Any = None
    ) -> Any:
        """Return what `generate` makes of its noise after each step, `(steps, count, …)`."""
        process = ReverseProcess(self.schedule, steps)
        noise = SeededNoise(seed, self.example_shape).of(np.arange(count))()
        chosen = chosen_labels(count, labels, self.classes, guidance)
        denoise = self._compiled(chosen, guidance)
        return ops.stack([_to_images(state) for state in process.run(denoise, noise)])

    def inpaint(
        self,
        images: Any,
        mask: Any,
        seed: int | None = None,
        labels: int | Sequence[int] | None = None,
        guidance: float = 1.0,
        steps: int | None = None,
        repeats: int = 4,
    ) -> Any:
        """Return the images with their holes filled in; all other pixels are as they were.

        The reverse process, whose known part is the images with as much noise as each step has
        (RePaint, Lugmayr et al., arXiv:2201.09865).

        Args:
            images: `(batch, height, width, channels)` in [0, 1].
            mask: True in the holes: `(height, width)`, `(batch, height, width)`, or with an axis
                of channels, as `kssl.pretext.inpaint` makes it.
            seed: Here and below, see `generate`; but without `labels` no class is asked for.
            repeats: How often each step is made.
        """
        images = ops.convert_to_numpy(ops.cast(pick(images), "float32"))
        holes = ops.convert_to_numpy(ops.cast(mask, "float32"))
        holes = holes[..., None] if holes.shape[-2:] == images.shape[1:3] else holes
        process = ReverseProcess(self.schedule, steps, "ddpm")
        given = self.classes if labels is None else labels
        labels = chosen_labels(len(images), given, self.classes, guidance)
        known = (2.0 * images - 1.0, np.broadcast_to(1.0 - holes, images.shape))
        filled = self._draw(process, seed, labels, guidance, known, repeats)
        return ops.where(holes > 0, filled, images)

    def supports(self, capability: type) -> bool:
        """Return whether this instance has a capability: without `classes` it is asked for none."""
        return capability is not GeneratesClasses or self.classes is not None

    def figures(self) -> dict[str, tuple[str, str]]:
        """Return the figures that the report has of it, see `kssl.report.diffusion_figures`."""
        home = "kssl.report.diffusion_figures"
        shown = FIGURES[self.classes is None :]  # the first needs classes
        return {name: (name.replace("_", " ").capitalize(), f"{home}:{name}") for name in shown}

    def _draw(
        self,
        process: ReverseProcess,
        seed: int | None,
        labels: np.ndarray,
        guidance: float,
        known: tuple[np.ndarray, np.ndarray] | None = None,
        repeats: int = 1,
    ) -> Any:
        """Run a reverse process, in batches; return one image for each label."""
        if seed is None:
            seed = int(keras.random.randint((), 0, 2**31 - 1, seed=self.seed_generator))
        noise = SeededNoise(seed, self.example_shape)
        denoise = lambda rows: self._compiled(labels[rows], guidance)  # noqa: E731
        images = process.run_all(denoise, noise, len(labels), known, repeats)
        return _to_images(images)

    def _predict(self, noisy: Any, level: Any, labels: Any, training: bool) -> Any:
        scaled, time = self.schedule.network_inputs(noisy, level)
        given = (scaled, time) if self.classes is None else (scaled, time, labels)
        output = self.network(*given, training=training)
        return self.schedule.prediction(noisy, output, level)

    def _compiled(self, labels: np.ndarray, guidance: float) -> Callable[[Any, Any], Any]:
        """Return `denoise` of some labels, compiled."""
        if not hasattr(self, "_call"):
            # Not by a plain assignment: Keras would take it for a layer of the model.
            object.__setattr__(self, "_call", compiled(self, "_denoise_batch"))
        given: dict[str, Any] = {"labels": labels}
        if guidance != 1:
            given["guidance"] = np.full((len(labels), 1, 1, 1), guidance, "float32")
        return lambda noisy, level: self._call(
            {**given, "noisy": ops.convert_to_numpy(noisy), "level": level}
        )

    def _denoise_batch(self, given: dict[str, Any]) -> Any:
        return self.denoise(**given)


def _to_images(inside: Any) -> Any:
    """Return images in [0, 1] of those in [-1, 1]."""
    return ops.clip(0.5 * (ops.cast(inside, "float32") + 1.0), 0.0, 1.0)
