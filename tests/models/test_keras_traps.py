"""What people do with models in plain Keras code: right, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kssl
from kssl.layers import MLP, ConvNet, PredictionHead, ProjectionHead, Transformer, UNet
from kssl.losses import Reconstruction
from kssl.models import (
    BYOL,
    DINO,
    MAE,
    VAE,
    AutoEncoder,
    Diffusion,
    Metric,
    PretextClassifier,
    SimCLR,
    SimSiam,
    run,
)

IMAGES = np.random.RandomState(0).rand(16, 4, 4, 1).astype("float32")
BYTES = (IMAGES * 255).astype("uint8")
LABELS = np.arange(16) % 4
VIEWS = {"view_1": IMAGES, "view_2": IMAGES[:, ::-1].copy()}
LABELLED = {"image": IMAGES, "label": LABELS}
# What makes each model of an encoder, and what it is trained on.
MODELS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "autoencoder": (lambda encoder: AutoEncoder(2, encoder, MLP([4])), IMAGES),
    "vae": (lambda encoder: VAE(2, encoder, MLP([4])), IMAGES),
    "simclr": (lambda encoder: SimCLR(encoder, ProjectionHead(3, 4)), VIEWS),
    "byol": (lambda encoder: BYOL(encoder, ProjectionHead(3, 4), PredictionHead(3, 4)), VIEWS),
    "metric": (lambda encoder: Metric(encoder, 3), LABELLED),
    "pretext": (
        lambda encoder: PretextClassifier(4, encoder=encoder, head=MLP([4])),
        {"image": IMAGES, "target": LABELS},
    ),
}


def loss_of(model: Any, data: Any, *args: Any, **settings: Any) -> float:
    """The loss of one step without gradients: eagerly, since compiling would take longer."""
    if not model.compiled:
        model.compile("sgd", run_eagerly=True)
    found = model.evaluate(data, *args, batch_size=16, verbose=0, return_dict=True, **settings)
    return float(found["loss"])


def tiny(**settings: Any) -> AutoEncoder:
    keras.utils.set_random_seed(0)
    model = AutoEncoder(2, MLP([4]), MLP([4]), **settings)
    model.compile("sgd", run_eagerly=True)
    return model


class Adds(layers.Layer):
    """Adds 7 to the loss, and changes nothing; Keras does not know the class by name."""

    def call(self, inputs: Any) -> Any:
        self.add_loss(7.0 * ops.mean(ops.ones_like(inputs)))
        return inputs


@pytest.mark.parametrize("name", MODELS)
def test_what_layers_add_to_the_loss_counts(name: str) -> None:
    make, data = MODELS[name]
    regularizers = {"kernel_regularizer": keras.regularizers.L2(0.5), "kernel_initializer": "ones"}
    losses = []
    for settings, adds in (({"kernel_initializer": "ones"}, []), (regularizers, [Adds()])):
        keras.utils.set_random_seed(0)
        dense = layers.Dense(2, activation="tanh", **settings)
        losses.append(loss_of(make(keras.Sequential([layers.Flatten(), dense, *adds])), data))
    assert losses[1] - losses[0] == pytest.approx(0.5 * 32 + 7.0, abs=0.3)  # the VAE draws


# How often a part is called in a step: views of one size are one batch, but for the predictor.
CALLS = {"encoder": 1, "projector": 1, "predictor": 2}


@pytest.mark.parametrize(
    ("kind", "part", "compiled"),
    [
        (SimSiam, "predictor", True),
        *((kind, part, False) for kind in (SimSiam, BYOL) for part in CALLS),
    ],
)
def test_what_any_part_adds_counts_in_the_loss_and_its_gradient(
    kind: Any, part: str, compiled: bool
) -> None:
    losses, moved = [], []
    for weight in (0.0, 0.5):
        keras.utils.set_random_seed(0)
        regularizer = keras.regularizers.L2(weight)
        dense = layers.Dense(3, kernel_initializer="ones", kernel_regularizer=regularizer)
        adds = [Adds()] if weight else []
        parts = {"encoder": MLP([4]), "projector": ProjectionHead(3, 4), "predictor": MLP([3])}
        parts[part] = keras.Sequential([layers.Flatten(), dense, *adds])
        model = kind(**parts)
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=not compiled)
        logs = model.fit(VIEWS, batch_size=16, verbose=0).history
        losses.append(logs["loss"][0])
        moved.append(ops.convert_to_numpy(dense.kernel))
    added = 0.5 * moved[0].size + 7.0 * CALLS[part]
    assert losses[1] - losses[0] == pytest.approx(added, abs=1e-3)
    np.testing.assert_allclose(moved[1] - moved[0], -0.1, atol=1e-5)  # its gradient is the weight


def test_a_part_that_is_called_twice_adds_twice_on_every_backend() -> None:
    crops = {**VIEWS, "local_views": np.random.rand(16, 2, 2, 2, 1).astype("float32")}
    losses = []
    for adds in ([], [Adds()]):
        keras.utils.set_random_seed(0)
        encoder = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(4), *adds])
        model = DINO(encoder, ProjectionHead(3, 4))
        model.compile("sgd")
        losses.append(model.evaluate(crops, batch_size=16, verbose=0, return_dict=True)["loss"])
    assert losses[1] - losses[0] == pytest.approx(14.0, abs=1e-4)  # large and small views


def test_a_regularizer_moves_the_weights() -> None:
    moved = []
    for regularizer in (None, keras.regularizers.L2(0.5)):
        dense = layers.Dense(2, kernel_initializer="ones", kernel_regularizer=regularizer)
        keras.utils.set_random_seed(0)
        model = SimCLR(keras.Sequential([layers.Flatten(), dense]), ProjectionHead(3, 4))
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        model.fit(VIEWS, batch_size=16, verbose=0)
        moved.append(ops.convert_to_numpy(dense.kernel))
    np.testing.assert_allclose(moved[1] - moved[0], -0.1, atol=1e-5)  # its gradient is the weight


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_examples_count_without_targets_too(name: str) -> None:
    make, data = MODELS[name]
    keras.utils.set_random_seed(0)
    model, weights = make(MLP([4])), np.full(16, 1000.0, "float32")
    plain, weighted = loss_of(model, data), loss_of(model, data, sample_weight=weights)
    assert weighted == pytest.approx(1000 * plain, rel=0.05)  # the VAE draws
    none = {"sample_weight": 0 * weights, "validation_data": (data, None, 0 * weights)}
    logs = model.fit(data, batch_size=16, verbose=0, **none).history
    assert logs["loss"] == logs["val_loss"] == [0.0]


def test_weights_may_be_a_key_of_the_batch() -> None:
    model, weights = tiny(), np.r_[np.zeros(15), 16.0].astype("float32")
    alone = loss_of(model, IMAGES[15:])
    assert loss_of(model, {"image": IMAGES, "sample_weight": weights}) == pytest.approx(alone)
    assert loss_of(model, IMAGES, IMAGES, sample_weight=weights) == pytest.approx(alone)
    one = model.train_on_batch(IMAGES, sample_weight=weights, return_dict=True)["loss"]
    assert one == pytest.approx(alone)


def test_class_weights_are_weights_of_the_examples_of_a_class() -> None:
    keras.utils.set_random_seed(0)
    model = PretextClassifier(4, encoder=MLP([4]), head=MLP([4]))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    data, weights = MODELS["pretext"][1], {0: 3.0, 2: 0.0}
    expected = loss_of(model, data, sample_weight=np.array([3.0, 1.0, 0.0, 1.0] * 4, "float32"))
    for given in ((data,), (IMAGES, LABELS)):
        logs = model.fit(*given, class_weight=weights, batch_size=16, verbose=0).history
        assert logs["loss"][0] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="AutoEncoder is given none: use sample_weight"):
        tiny().fit(IMAGES, class_weight={0: 2.0})


def dataset(*arrays: Any) -> Any:
    import tensorflow as tf

    given = arrays[0] if len(arrays) == 1 else arrays
    return tf.data.Dataset.from_tensor_slices(given).batch(5)


def test_losses_that_do_not_fit_are_refused_with_those_that_do() -> None:
    losses = kssl.losses
    for given in ("mse", keras.losses.MeanSquaredError(), losses.NTXent(), losses.Reconstruction()):
        with pytest.raises(ValueError, match="Metric compares embeddings by .* not: .*Triplet"):
            Metric(MLP([4]), 3, loss=given)
    for given, said in (
        ("nt_xent", "loss='nt_xent' is no loss of Keras"),
        (losses.NTXent, "loss is the class NTXent"),
        (losses.nt_xent, "loss is the function nt_xent"),
    ):
        for kind in (Metric, SimCLR, SimSiam, AutoEncoder):
            with pytest.raises(ValueError, match=said):
                kind(loss=given)
    for kind in (SimSiam, AutoEncoder):  # of SimCLR, views of an image are a class
        with pytest.raises(ValueError, match=r"Triplet compares embeddings by .*Metric\(loss="):
            kind(loss=losses.Triplet())
    fitting = [getattr(losses, name) for name in losses.__all__]
    fitting = [each for each in fitting if getattr(each, "of_labels", False)]
    assert len(fitting) == 6  # those that the message names
    for each in fitting:
        assert np.isfinite(loss_of(Metric(MLP([4]), 3, loss=each()), LABELLED))


class Batches(keras.utils.PyDataset):
    def __init__(self, *arrays: Any) -> None:
        super().__init__()
        self.arrays = arrays

    def __len__(self) -> int:
        return 4

    def __getitem__(self, place: int) -> tuple[Any, ...]:
        return tuple(array[5 * place : 5 * place + 5] for array in self.arrays)


def generator(*arrays: Any) -> Iterator[Any]:
    for start in range(0, 16, 5):
        yield tuple(array[start : start + 5] for array in arrays)


WAYS: dict[str, Callable[..., Any]] = {
    "arrays": lambda *arrays: arrays,
    "dataset": lambda *arrays: (dataset(*arrays),),
    "generator": lambda *arrays: (generator(*arrays),),
    "PyDataset": lambda *arrays: (Batches(*arrays),),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", [tiny, lambda: VAE(2, MLP([4]), MLP([4]))], ids=["ae", "vae"])
def test_labels_are_not_taken_for_what_is_to_be_rebuilt(way: str, model: Any) -> None:
    message = r"rebuilds examples of shape \(4, 4, 1\).*has shape \(\).*labels are not needed"
    with pytest.raises(ValueError, match=message):
        loss_of(model(), *WAYS[way](IMAGES, LABELS))


@pytest.mark.parametrize("target", [LABELS, LABELS[:, None], IMAGES[..., 0], IMAGES[:, :1]])
def test_a_target_has_the_shape_of_what_is_rebuilt(target: Any) -> None:
    for given in ((IMAGES, target), ({"image": IMAGES, "target": target},)):
        with pytest.raises(ValueError, match="rebuilds examples of shape"):
            tiny().fit(*given)
    with pytest.raises(ValueError, match="rebuilds examples of shape"):
        tiny().fit(IMAGES, validation_data=(IMAGES, target))


def test_labels_that_are_not_used_are_named() -> None:
    model = SimCLR(MLP([4]), ProjectionHead(3, 4))
    with pytest.warns(UserWarning, match="SimCLR is trained without labels or targets: y is not"):
        loss_of(model, VIEWS, LABELS)


MAKERS: dict[str, Callable[[], Any]] = {
    "autoencoder": tiny,
    "bernoulli": lambda: tiny(loss=Reconstruction("bernoulli")),
    "vae": lambda: VAE(2, MLP([4]), MLP([4])),
    "simclr": lambda: SimCLR(ConvNet([4]), ProjectionHead(3, 4), augment="device"),
    "mae": lambda: MAE(2, Transformer(8, 1, 2), Transformer(8, 1, 2)),
    "diffusion": lambda: Diffusion(UNet([4], blocks=1)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MAKERS)
def test_bytes_and_other_wrong_values_are_refused_whatever_brings_them(name: str, way: str) -> None:
    wrong = np.where(IMAGES > 0.5, np.nan, IMAGES)
    infinite = np.where(IMAGES > 0.5, np.inf, IMAGES)
    model = MAKERS[name]()
    model.compile("sgd", run_eagerly=True)
    for images, message in (
        (BYTES, "got uint8: divide bytes by 255"),
        (IMAGES * 255, "needs values in 0 to 1; got .* to 25"),
        (wrong, "that are NaN or infinite"),
        (infinite, "that are NaN or infinite"),
    ):
        for method in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=message):
                method(*WAYS[way](images), verbose=0)
    with pytest.raises(ValueError, match="got uint8"):
        model.fit(IMAGES, validation_data=WAYS[way](BYTES)[0], verbose=0)


class Later(keras.utils.PyDataset):
    """Three batches, of which the last is wrong; it knows how many epochs have ended."""

    def __init__(self, wrong: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.wrong, self.ended = wrong, 0

    num_batches = 3

    def __getitem__(self, place: int) -> tuple[Any]:
        return (self.wrong if place == 2 else IMAGES[:4],)

    def on_epoch_end(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("way", ["generator", "PyDataset"])
def test_a_wrong_batch_that_comes_later_is_refused_too(way: str, workers: int) -> None:
    for wrong, message in (
        (BYTES[:4], "got uint8: divide bytes by 255"),
        (IMAGES[:4] * 255, "needs values in 0 to 1; got .* to 25"),
        (IMAGES[:4] * np.nan, "that are NaN or infinite"),
    ):
        data = Later(wrong, workers=workers)
        given = data if way == "PyDataset" else (batch for batch in data)
        with pytest.raises(Exception, match=message):  # of TensorFlow, around the ValueError
            tiny().fit(given, verbose=0)
    data = Later(IMAGES[:4], workers=workers)
    tiny().fit(data, epochs=2, verbose=0)
    assert data.ended >= 2  # Keras calls it before the first epoch too


def test_a_loss_that_is_not_finite_is_said() -> None:
    wrong = np.where(np.arange(16)[:, None, None, None] == 15, np.nan, IMAGES)
    with pytest.warns(UserWarning, match="the loss is nan since epoch 1, .*later batch is NaN"):
        tiny().fit(dataset(wrong), epochs=2, verbose=0)


@pytest.mark.parametrize("name", ["bernoulli", "vae", "simclr", "diffusion"])
def test_standardised_images_are_refused_where_a_range_is_needed(name: str) -> None:
    standardised = (IMAGES - 0.5) * 4
    with pytest.raises(ValueError, match="needs values in 0 to 1; got -"):
        MAKERS[name]().fit(standardised)
    loss_of(tiny(), standardised)


def test_methods_refuse_bytes_too() -> None:
    model = tiny()
    model.build(IMAGES.shape)
    for act in (model.embed, model, lambda x: run(model, "embed", x), model.predict):
        with pytest.raises(ValueError, match="got uint8: divide bytes by 255"):
            act(BYTES)
    with pytest.raises(ValueError, match="got .* to 25.* under 'image'"):
        run(model, "embed", IMAGES * 255)
    assert run(model, "decode", np.full((3, 2), 100.0, "float32")).shape == (3, 4, 4, 1)


@pytest.mark.parametrize("name", ["autoencoder", "vae", "mae", "diffusion"])
def test_single_steps_and_predict_check_values_and_leave_the_model_whole(name: str) -> None:
    model = MAKERS[name]()
    model.compile("sgd")
    model.build(IMAGES.shape)
    for wrong, message in (
        (BYTES, "got uint8: divide bytes by 255"),
        (IMAGES * 255, "needs values in 0 to 1; got .* to 25"),
        (IMAGES * np.nan, "that are NaN or infinite"),
        (IMAGES[:0], "no examples"),
    ):
        for method in (model.train_on_batch, model.test_on_batch, model.predict):
            with pytest.raises(ValueError, match=message):
                method(wrong)
        with pytest.raises(ValueError, match=message):
            model.predict(Batches(wrong), verbose=0)
    assert np.isfinite(run(model, "embed", IMAGES)).all()  # on JAX a broken step would lose it


def test_other_axes_or_channels_than_a_model_was_built_for_are_named() -> None:
    model = tiny()
    model.build(IMAGES.shape)
    for images in (IMAGES[..., 0], np.moveaxis(IMAGES, -1, 1), np.repeat(IMAGES, 3, -1)):
        for act in (model.fit, model.evaluate, model.predict, lambda x: run(model, "embed", x)):
            with pytest.raises(
                ValueError, match=r"built for examples of shape \(4, 4, 1\) .*; got"
            ):
                act(images)


def test_rows_of_numbers_have_any_scale() -> None:
    model = AutoEncoder(2, MLP([4]), MLP([4]))
    rows = np.linspace(-500, 500, 48).reshape(16, 3).astype("float32")
    assert np.isfinite(loss_of(model, rows)) and run(model, "embed", rows).shape == (16, 2)


def ends_in(*last: Any) -> keras.Sequential:
    return keras.Sequential([layers.Dense(8), *last])


def by_operations() -> keras.Model:
    code = keras.Input((2,))
    return keras.Model(code, ops.sigmoid(layers.Reshape((4, 4, 1))(layers.Dense(16)(code))))


def shaped_last() -> keras.Model:
    code = keras.Input((2,))
    pixels = layers.Dense(16, activation="sigmoid")(code)
    return keras.Model(code, layers.Reshape((4, 4, 1))(pixels))


SHAPE = layers.Reshape((4, 4, 1))
DECODERS = {
    "dense": lambda: ends_in(layers.Dense(16, activation="sigmoid"), SHAPE),
    "activation": lambda: ends_in(layers.Dense(16), layers.Activation("sigmoid"), SHAPE),
    "relu": lambda: ends_in(layers.Dense(16), layers.ReLU(), SHAPE),
    "nested": lambda: keras.Sequential([ends_in(layers.Dense(16, "sigmoid"), SHAPE)]),
    "functional": shaped_last,
    "operations": by_operations,
}


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_that_ends_in_probabilities_is_not_taken_for_logits(name: str) -> None:
    model = VAE(2, MLP([4]), DECODERS[name]())
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(
        ValueError, match="decoder ends in the activation (sigmoid|relu), and a Ber"
    ):
        model.fit(IMAGES, verbose=0)
    loss_of(model, IMAGES)  # one that was trained so is still evaluated


class OwnDecoder(keras.Model):
    """A decoder of somebody's own, whose activation nobody sees from outside."""

    def __init__(self, end: Any) -> None:
        super().__init__()
        self.dense, self.shape_of, self.end = layers.Dense(16), layers.Reshape((4, 4, 1)), end

    def call(self, inputs: Any) -> Any:
        return self.shape_of(self.end(self.dense(inputs)))


ENDS = {"sigmoid": ops.sigmoid, "softmax": ops.softmax, "relu": ops.relu}
ENDS |= {"hard_sigmoid": ops.hard_sigmoid}


@pytest.mark.parametrize("kind", ["model", "in a Sequential"])
@pytest.mark.parametrize("end", ENDS)
def test_a_decoder_of_ones_own_is_tried(end: str, kind: str) -> None:
    decoder: Any = OwnDecoder(ENDS[end])
    decoder = decoder if kind == "model" else keras.Sequential([layers.Dense(2), decoder])
    message = "gives (values in 0 to 1 alone|0 and values above it) for random codes, as a .*logits"
    bernoulli = Reconstruction("bernoulli")
    for model in (VAE(2, MLP([4]), decoder), AutoEncoder(2, MLP([4]), decoder, loss=bernoulli)):
        model.compile("sgd", run_eagerly=True)
        with pytest.raises(ValueError, match=message):
            model.fit(IMAGES, verbose=0)
    AutoEncoder(2, MLP([4]), decoder).build(IMAGES.shape)  # values of the image are right there


def test_to_try_a_decoder_moves_nothing() -> None:
    decoder = OwnDecoder(layers.Dropout(0.5, seed=1))
    model = VAE(2, MLP([4]), keras.Sequential([layers.BatchNormalization(), decoder]))
    model.build(IMAGES.shape)
    before = [ops.convert_to_numpy(each) for each in model.variables]
    model.check_built()
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(new))


def test_other_decoders_are_trained() -> None:
    bernoulli, sigmoid = Reconstruction("bernoulli"), layers.Dense(16, "sigmoid")
    for loss, *last in (
        (bernoulli, layers.Dense(16), SHAPE),
        (bernoulli, layers.Dense(5, "sigmoid")),  # a dense layer to the pixels follows
        (bernoulli, OwnDecoder(ops.negative)),
        (bernoulli, layers.Dense(16, kernel_initializer="zeros"), SHAPE),
        (None, sigmoid, SHAPE),
    ):
        model = AutoEncoder(2, MLP([4]), ends_in(*last), loss=loss)
        model.compile("sgd", run_eagerly=True)
        model.fit(IMAGES, verbose=0)


class Own(layers.Layer):
    """A layer of somebody's own, with what it needs and no more."""

    def __init__(self, units: int = 4, several: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flatten, self.dense = layers.Flatten(), layers.Dense(units)
        self.several = several

    def call(self, inputs: Any) -> Any:
        features = self.dense(self.flatten(inputs))
        return [features, features] if self.several else features


class OwnModel(keras.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flatten, self.dense = layers.Flatten(), layers.Dense(4)

    def call(self, inputs: Any) -> Any:
        return self.dense(self.flatten(inputs))


@pytest.mark.parametrize("name", MODELS)
def test_encoders_need_neither_build_nor_the_shape_of_their_output(name: str) -> None:
    make, data = MODELS[name]
    shapes = {key: value.shape for key, value in data.items()} if isinstance(data, dict) else None
    for encoder in (Own(), OwnModel()):
        model = make(encoder)
        model.build(shapes or IMAGES.shape)
        assert len(model.encoder.trainable_variables) == 2
        assert model.embed(IMAGES).shape[0] == 16
    with pytest.raises(ValueError, match="returns one tensor; own.* returns a list of 2: wrap it"):
        make(Own(several=True)).build(shapes or IMAGES.shape)


def test_decoders_need_neither() -> None:
    model = AutoEncoder(2, Own(), Own(16))
    model.build(IMAGES.shape)
    assert model.reconstruct(IMAGES).shape == IMAGES.shape


def reloaded(model: Any, folder: Any, policy: str = "float32") -> Any:
    model.save(folder / "model.keras")
    keras.config.set_dtype_policy(policy)
    try:
        return keras.models.load_model(folder / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")


ENCODERS = {
    "mlp": lambda: MLP([4, 4]),
    "convolutions": lambda: ConvNet([2]),
    "sequential": lambda: keras.Sequential([layers.Flatten(), layers.Dense(4)]),
}


@pytest.mark.parametrize("early", [True, False], ids=["before building", "after building"])
@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_frozen_stays_frozen_in_a_file_and_in_a_clone(
    name: str, early: bool, tmp_path: Any
) -> None:
    encoder = ENCODERS[name]()
    model = AutoEncoder(2, encoder, MLP([4]))
    encoder.trainable = not early
    model.build(IMAGES.shape)
    encoder.trainable = False
    assert len(model.trainable_variables) == 6  # of the code, of the decoder and of the pixels
    model.compile("sgd")
    for again in (reloaded(model, tmp_path), keras.models.clone_model(model)):
        assert len(again.trainable_variables) == 6
        assert not again.encoder.trainable_variables and not again.encoder.trainable
        assert len(again.weights) == len(model.weights)


def test_a_layer_alone_and_a_whole_model_may_be_frozen(tmp_path: Any) -> None:
    model = BYOL(MLP([4, 4]), ProjectionHead(3, 4), PredictionHead(3, 4))
    model.build({key: value.shape for key, value in VIEWS.items()})
    everything = len(model.trainable_variables)
    dense = [each for each in model.encoder._flatten_layers() if isinstance(each, layers.Dense)]
    dense[0].trainable = False
    assert len(reloaded(model, tmp_path).trainable_variables) == everything - 2
    model.trainable = False
    assert reloaded(model, tmp_path).trainable_variables == []


def dtypes_of(model: Any) -> set[str]:
    made = {each for each in model._flatten_layers() if each.name != "to_patches"}
    return {each.compute_dtype for each in made}


@pytest.mark.parametrize("name", ["autoencoder", "vae", "simclr", "byol", "metric"])
def test_the_dtype_of_a_model_is_that_of_its_layers_here_and_in_a_file(
    name: str, tmp_path: Any
) -> None:
    kind = {"autoencoder": AutoEncoder, "vae": VAE, "simclr": SimCLR, "byol": BYOL}.get(
        name, Metric
    )
    data = VIEWS if name in ("simclr", "byol") else IMAGES
    shapes = {key: value.shape for key, value in data.items()} if data is VIEWS else data.shape
    for dtype, other in (("mixed_bfloat16", "float32"), ("float32", "mixed_bfloat16")):
        model = kind(encoder=MLP([4]), dtype=dtype)
        model.build(shapes)
        assert dtypes_of(model) == {dtype.removeprefix("mixed_")}
        assert dtypes_of(reloaded(model, tmp_path, other)) == {dtype.removeprefix("mixed_")}
    assert keras.config.dtype_policy().name == "float32"


def test_a_policy_set_while_a_model_is_made_holds_when_it_is_built() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = VAE(2)
    keras.config.set_dtype_policy("float32")
    model.build(IMAGES.shape)
    assert dtypes_of(model) == {"bfloat16"}


def test_mask_ratio_0_is_refused() -> None:
    with pytest.raises(ValueError, match="mask_ratio is 0, which hides nothing"):
        MAE(2, Transformer(8, 1, 2), Transformer(8, 1, 2), mask_ratio=0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, "classes=4, so labels are 0 to 3; got 1 to 4"),
        (LABELS - 1, "classes=4, so labels are 0 to 3; got -1 to 2"),
        (np.eye(4)[LABELS], r"got the shape \(16, 4\): of one-hot rows give labels.argmax"),
        (np.array(list("abcd"))[LABELS], "whole numbers; got text: numpy.unique"),
        (LABELS + 0.5, "whole numbers; got values such as 0.5"),
        (np.where(LABELS == 2, np.nan, LABELS), "whole numbers; got values such as nan"),
    ],
)
def test_labels_are_whole_numbers_among_the_classes(labels: Any, message: str) -> None:
    model = Diffusion(UNet([4], blocks=1, classes=4), classes=4)
    for given in ((IMAGES, labels), ({"image": IMAGES, "label": labels},)):
        with pytest.raises(ValueError, match=message):
            model.fit(*given)
    if "got -1" in message or "got 1" in message:
        with pytest.raises(ValueError, match=message):
            PretextClassifier(4, encoder=MLP([4])).fit({"image": IMAGES, "target": labels})
    else:
        with pytest.raises(ValueError, match=message):
            Metric(MLP([4])).fit(IMAGES, labels)


def test_labels_may_be_large_or_negative() -> None:
    losses = []
    for labels in (LABELS, LABELS + 2**24, LABELS - 2, (LABELS + 2**24)[:, None]):
        keras.utils.set_random_seed(0)
        losses.append(loss_of(Metric(MLP([4]), 3), IMAGES, labels))
    assert losses[0] > 0 and losses == [losses[0]] * 4
    with pytest.raises(ValueError, match=r"labels below 2\*\*31; got 3000000003"):
        Metric(MLP([4]), 3).fit(IMAGES, LABELS + 3_000_000_000)


def test_small_and_odd_batches_and_data_of_unknown_size_are_trained_on() -> None:
    model = tiny()
    unknown = dataset(IMAGES).filter(lambda batch: True)
    for given in (unknown, (batch[0] for batch in generator(IMAGES)), Batches(IMAGES)):
        assert np.isfinite(model.fit(given, verbose=0).history["loss"]).all()
    for images, size in ((IMAGES[:1], 1), (IMAGES[:7], 3)):
        model.fit(images, batch_size=size, verbose=0)
        assert model.optimizer.iterations > 0
    assert run(model, "embed", IMAGES[:1]).shape == (1, 2)


def test_float64_is_float32() -> None:
    model = tiny()
    assert loss_of(model, IMAGES.astype("float64")) == pytest.approx(loss_of(model, IMAGES))
    assert run(model, "embed", IMAGES.astype("float64")).dtype == np.float32


def test_gradients_of_several_steps_are_added_up() -> None:
    weights = []
    for steps, size in ((None, 16), (4, 4)):
        keras.utils.set_random_seed(0)
        model = AutoEncoder(2, MLP([4]), MLP([4]))
        optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=steps)
        model.compile(optimizer, run_eagerly=True)
        model.fit(IMAGES, batch_size=size, shuffle=False, verbose=0)
        moved = [ops.convert_to_numpy(each).ravel() for each in model.trainable_variables]
        weights.append(np.concatenate(moved))
    np.testing.assert_allclose(*weights, atol=1e-5)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: AutoEncoder(2).fit(IMAGES), r"call `compile\(\)` before"),
        (lambda: tiny().fit(IMAGES[:0]), r"no examples: 'image' has shape \(0, 4, 4, 1\)"),
        (lambda: tiny().compile("sgd", loss="mse"), "pass loss= to the constructor"),
        (lambda: tiny().compile("sgd", loss_weights=[2.0]), "own loss, unweighted"),
        (lambda: tiny().fit(IMAGES, sample_weight=np.ones(7)), r"\(16,\); got the shape \(7,\)"),
        (lambda: tiny().fit(IMAGES, sample_weight=np.full(16, np.nan)), "values that are NaN"),
        (lambda: tiny().train_on_batch(IMAGES, None, np.ones(7)), r"got the shape \(7,\)"),
    ],
)
def test_what_cannot_be_done_is_said(act: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_channels_first_is_named() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="images .height, width, channels., and Keras is set"):
            tiny().fit(np.moveaxis(IMAGES, -1, 1))
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_loss_may_be_the_name_of_one_of_keras() -> None:
    by_name = loss_of(tiny(loss="mse"), IMAGES)
    assert by_name == loss_of(tiny(loss=keras.losses.MeanSquaredError()), IMAGES)


def test_views_on_the_device_are_compiled_as_far_as_tensorflow_can() -> None:
    model = MAKERS["simclr"]()
    expected = keras.backend.backend() != "tensorflow"
    if not expected:
        with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
            model.compile("sgd", jit_compile=True)
    assert all(each.supports_jit for each in model._flatten_layers()) == expected
