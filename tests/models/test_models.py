"""The models: what they learn, save, refuse, and that their numbers are right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import MLP, ConvDecoder, ConvEncoder
from kssl.losses import ELBO, ImportanceWeightedBound, Reconstruction
from kssl.models import VAE, AutoEncoder, DenoisingAutoEncoder, run

HERE = Path(__file__).parent
STEPS = 1 if keras.backend.backend() == "torch" else 8  # Keras runs one at a time on torch
MAKERS = {
    "autoencoder": lambda: AutoEncoder(3, encoder=MLP([16]), decoder=MLP([16])),
    "autoencoder, convolutional": lambda: AutoEncoder(
        3, ConvEncoder([2, 4]), ConvDecoder([4, 2]), loss=Reconstruction("bernoulli")
    ),
    "autoencoder, Keras' own parts": lambda: AutoEncoder(
        3, keras.Sequential([keras.layers.Conv2D(2, 3)]), loss=keras.losses.MeanSquaredError()
    ),
    "denoising": lambda: DenoisingAutoEncoder(3, MLP([16]), noise="masking", amount=0.5),
    "vae": lambda: VAE(3, encoder=MLP([16]), decoder=MLP([16])),
    "vae, beta and annealed": lambda: VAE(3, loss=ELBO(4.0, free_bits=0.1), annealing_steps=6),
    "vae, gaussian": lambda: VAE(3, likelihood="gaussian"),
    "vae, importance-weighted": lambda: VAE(3, loss=ImportanceWeightedBound(samples=4)),
}

TWO = ("autoencoder, convolutional", "vae")  # the others differ in what has tests of its own


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    from sklearn.datasets import load_digits

    return (load_digits().images[:256, :, :, None] / 16).astype("float32")


def often(images: np.ndarray, times: int) -> np.ndarray:
    """Repeat small data: as many steps in fewer epochs; an epoch costs Keras more than they do."""
    return np.tile(images, (times, 1, 1, 1))


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow if name.startswith("vae, ") else ())
        for name in MAKERS
    ]
)
def model(request):
    keras.utils.set_random_seed(1)
    return MAKERS[request.param]()


def test_trains_embeds_and_survives_saving(model, images, tmp_path):
    model.compile("adam")
    history = model.fit(images, epochs=3, batch_size=32, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.models.load_model(path)
    for method in ("embed", "reconstruct"):
        first, second = (run(each, method, images) for each in (model, again))
        np.testing.assert_allclose(first, second, atol=1e-6)
    assert run(model, "embed", images).shape == (256, 3)
    assert model.generate(5, seed=0).shape == (5, 8, 8, 1)
    first, second = (ops.convert_to_numpy(each.generate(5, seed=0)) for each in (model, again))
    np.testing.assert_allclose(first, second, atol=1e-5)
    again.fit(images, epochs=1, batch_size=32, verbose=0)  # compiled as it was


def test_takes_dicts_and_gives_each_weight_a_gradient(model, images):
    model.compile("sgd")
    model.build((None, 8, 8, 1))
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.fit({"image": images}, epochs=2, batch_size=32, verbose=0)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(old, ops.convert_to_numpy(weight)), weight.path


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=() if name in TWO else pytest.mark.slow, id=name)
        for name, make in MAKERS.items()
    ],
)
def test_trains_in_mixed_precision(make, policy, images):
    keras.config.set_dtype_policy(policy)
    try:
        model = make()
        model.compile("adam")
        losses = model.fit(images, epochs=3, batch_size=32, verbose=0).history["loss"]
        assert np.isfinite(losses).all() and losses[-1] < losses[0]
        assert run(model, "reconstruct", images).shape == images.shape
        assert np.isfinite(ops.convert_to_numpy(ops.cast(model.generate(3), "float32"))).all()
    except RuntimeError as error:
        if "slow_conv2d" not in str(error):
            raise
        pytest.skip("torch has no half-precision gradients of some convolutions on CPUs")
    finally:
        keras.config.set_dtype_policy("float32")


def test_settings_survive_the_configuration(model):
    again = type(model).from_config(model.get_config())
    assert again.get_config() == model.get_config()


def test_a_fresh_copy_has_other_weights(model, images):
    model.build(images.shape)
    fresh = type(model).from_config(model.get_config())
    fresh.build(images.shape)
    assert not np.allclose(run(model, "embed", images), run(fresh, "embed", images))


def test_pretext_targets_and_labels_are_what_is_rebuilt(images):
    model = AutoEncoder(3)
    model.compile("adam")
    zeros = np.zeros_like(images)
    by_dict = model.evaluate({"image": images, "target": zeros}, verbose=0)
    assert by_dict == pytest.approx(model.evaluate(images, zeros, verbose=0), rel=1e-5)
    assert by_dict != pytest.approx(model.evaluate(images, verbose=0), rel=1e-2)


def test_linear_autoencoder_comes_close_to_pca(images):
    from sklearn.decomposition import PCA

    keras.utils.set_random_seed(0)
    flat = images.reshape(len(images), -1)
    best = flat - PCA(3).fit(flat).inverse_transform(PCA(3).fit_transform(flat))
    linear = MLP([64], activation="linear"), MLP([64], activation="linear")
    model = AutoEncoder(3, *linear)
    model.compile(keras.optimizers.Adam(3e-3), steps_per_execution=STEPS)
    model.fit(often(images, 20), epochs=10, batch_size=32, verbose=0)
    error = np.square(run(model, "reconstruct", images) - images).sum((1, 2, 3)).mean()
    optimum = np.square(best).sum(1).mean()
    assert optimum <= error <= 1.05 * optimum


def test_vae_bounds_are_in_order_and_tighten(images):
    binary = (images > 0.5).astype("float32")
    keras.utils.set_random_seed(0)
    vae = VAE(2, MLP([64]), MLP([64]))
    vae.compile("adam")
    vae.fit(binary, epochs=10, batch_size=32, verbose=0)
    one, ten, many = (run(vae, "log_prob", binary, samples=k).mean() for k in (1, 10, 300))
    assert one < ten < many
    assert vae.evaluate(binary, verbose=0, return_dict=True)["loss"] == pytest.approx(
        -one, rel=0.02
    )


def test_vae_log_prob_is_exact_for_a_decoder_that_ignores_its_latent(images):
    binary = (images > 0.5).astype("float32")
    vae = VAE(2)
    vae.build(binary.shape)
    for weight in vae.to_image.trainable_weights + vae.to_latent.trainable_weights:
        weight.assign(ops.zeros_like(ops.convert_to_tensor(weight)))
    # q is the prior and each pixel a fair coin: log p(x) = -64 log 2, whatever is drawn.
    np.testing.assert_allclose(run(vae, "log_prob", binary, samples=3), -64 * np.log(2), rtol=1e-5)


def test_gaussian_vae_learns_the_noise_of_the_data():
    random = np.random.default_rng(0)
    clean = random.standard_normal((512, 2)) @ random.standard_normal((2, 64))
    noisy = (clean + 0.5 * random.standard_normal(clean.shape)).reshape(-1, 8, 8, 1)
    keras.utils.set_random_seed(0)
    vae = VAE(2, MLP([64]), MLP([64], activation="linear"), likelihood="gaussian")
    vae.compile(keras.optimizers.Adam(5e-3), steps_per_execution=STEPS)
    vae.fit(often(noisy.astype("float32"), 12), epochs=5, batch_size=32, verbose=0)
    deviation = np.exp(0.5 * float(ops.convert_to_numpy(vae.pixel_log_variance)))
    assert deviation == pytest.approx(0.5, abs=0.05)


def test_annealing_raises_the_weight_of_the_divergence_in_training_only(images):
    vae = VAE(2, annealing_steps=16)
    vae.compile("adam")
    vae.fit(images, epochs=1, batch_size=32, verbose=0)
    vae.evaluate(images, verbose=0)
    assert float(ops.convert_to_numpy(vae.annealing_step)) == 8


def test_annealed_loss_starts_at_the_reconstruction_alone(images):
    vae = VAE(2, annealing_steps=1000)
    vae.compile("adam")
    logs = vae.evaluate(images, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"], rel=1e-4)
    assert logs["kl"] > 0


def test_denoising_model_removes_noise_that_it_was_trained_on(images):
    keras.utils.set_random_seed(0)
    model = DenoisingAutoEncoder(16, MLP([128]), MLP([128]), noise="gaussian", amount=0.4)
    model.compile(keras.optimizers.Adam(3e-3), steps_per_execution=STEPS)
    model.fit(often(images, 12), epochs=5, batch_size=32, verbose=0)
    noisy = run(model, "corrupt", images)
    cleaned = run(model, "reconstruct", noisy)
    assert np.square(cleaned - images).mean() < 0.5 * np.square(noisy - images).mean()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda x: VAE(2).fit(x * 255), "needs values in 0 to 1; got 0 to 255"),
        (lambda x: AutoEncoder(2).fit((x * 255).astype("uint8")), "got uint8: divide bytes by 255"),
        (lambda x: AutoEncoder(2).compile("adam", loss="mse"), "pass loss= to the constructor"),
        (lambda x: AutoEncoder(2)({"picture": x}), "no 'image'; it has picture"),
        (lambda x: VAE(2, likelihood="poisson"), "bernoulli or gaussian; got 'poisson'"),
        (lambda x: VAE(2, loss=Reconstruction()), "must be ELBO or ImportanceWeightedBound"),
        (lambda x: VAE(0), "latent_dim must be at least 1; got 0"),
        (lambda x: VAE(2, loss=ImportanceWeightedBound(), annealing_steps=5), "needs ELBO"),
    ],
)
def test_refusals_say_what_was_expected(act, message, images):
    with pytest.raises((ValueError, KeyError), match=message):
        act(images)


class Counting(AutoEncoder):
    """Counts how often its loss is asked for: once for each time that the step is traced."""

    calls = 0

    def compute_loss(self, *args, **kwargs):
        type(self).calls += 1
        return super().compute_loss(*args, **kwargs)


@pytest.mark.parametrize("kind", ["array", "dict", "dataset", "a batch"])
def test_the_training_step_is_traced_once(kind, monkeypatch):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow traces again when variables are made while tracing")
    import tensorflow as tf

    images = np.zeros((8, 4, 4, 1), "float32")
    given = {"array": images, "dict": {"image": images}, "a batch": images}.get(kind)
    given = tf.data.Dataset.from_tensors({"image": images}) if given is None else given
    monkeypatch.setattr(Counting, "calls", 0)
    model = Counting(latent_dim=2)
    model.compile("adam")
    if kind == "a batch":
        for _ in range(2):
            model.train_on_batch(given)
    else:
        model.fit(given, epochs=2, verbose=0)
    assert Counting.calls == 1


@pytest.mark.parametrize("shape", [None, (8, None, 4, 1)])
def test_batches_whose_shape_is_not_known_build_nothing_before_they_come(shape):
    import tensorflow as tf

    model = AutoEncoder(latent_dim=2)
    model.compile("adam")
    model.make_variables(types.SimpleNamespace(element_spec={"image": tf.TensorSpec(shape)}))
    assert not model.built and not model.optimizer.built


@pytest.mark.slow  # a process for each backend; `.ci/run` calls it by its name
def test_losses_are_equal_on_every_installed_backend(tmp_path):
    from importlib.util import find_spec

    backends = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
    if len(backends) < 2:
        pytest.skip("only one backend is installed")
    if keras.backend.backend() != backends[0]:
        pytest.skip(f"run with KERAS_BACKEND={backends[0]}: it starts the others")
    processes = []
    for backend in backends:
        environment = {**os.environ, "KERAS_BACKEND": backend}
        command = [sys.executable, str(HERE / "backend_losses.py"), str(tmp_path)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, env=environment, **pipes))
    found = {}
    for backend, process in zip(backends, processes, strict=True):
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        found[backend] = json.loads(output.splitlines()[-1])
    for backend in backends[1:]:
        for name, losses in found[backends[0]].items():
            # What these remember is small projections brought to norm 1, and their rounding.
            small = ("NNCLR", "InstanceDiscrimination", "InterCLR")
            rtol = 5e-5 if name in small else 1e-5
            np.testing.assert_allclose(found[backend][name], losses, rtol=rtol, err_msg=name)


def test_models_losses_and_layers_need_no_tensorflow_on_jax():
    if keras.backend.backend() != "jax":
        pytest.skip("run with KERAS_BACKEND=jax")
    code = (
        "import sys; sys.modules['tensorflow'] = None;"
        "import kssl.models, kssl.losses, kssl.layers;"
        "import numpy as np; model = kssl.models.VAE(2); model.compile('adam');"
        "x = np.zeros((8, 4, 4, 1), 'float32'); print(model.embed(x).shape)"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.decode().strip() == "(8, 2)", done.stderr.decode()
