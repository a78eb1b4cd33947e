"""What kssl itself offers: plugin number one, registered through the same hooks as any other."""

from __future__ import annotations

from kssl import hookimpl
from kssl.hookspecs import Register


@hookimpl
def register_datasets(register: Register) -> None:
    register("tfds", "kssl.data.tfds:tfds", help="Any dataset of TensorFlow Datasets")
    register("mnist", "kssl.data.tfds:mnist", help="Handwritten digits, 28 x 28, 70,000")
    register("fashion_mnist", "kssl.data.tfds:fashion_mnist", help="Clothes, 28 x 28, 70,000")
    register("cifar10", "kssl.data.tfds:cifar10", help="Colour photographs, 32 x 32, 60,000")
    register("digits", "kssl.data.embedded:digits", help="1,797 digits that scikit-learn brings")
    register("synthetic", "kssl.data.embedded:synthetic", help="Drawn shapes, for tests")
    register("arrays", "kssl.data.arrays:arrays", help="NumPy files: .npz or .npy")
    register("images", "kssl.data.images:images", help="A folder of image files")


@hookimpl
def register_transforms(register: Register) -> None:
    register("to_float", "kssl.pretext.scale:to_float", help="Images of bytes to [0, 1]")
    register("flatten", "kssl.pretext.scale:flatten", help="Images to vectors")
    register("binarize", "kssl.pretext.scale:binarize", help="Pixels to 0 or 1")
    register("noise", "kssl.pretext.noise:noise", help="Gaussian, masking or salt-and-pepper")


@hookimpl
def register_layers(register: Register) -> None:
    register("mlp", "kssl.layers.mlp:MLP", help="Fully connected layers")
    register("conv_encoder", "kssl.layers.convnet:ConvEncoder", help="Image to vector")
    register("conv_decoder", "kssl.layers.convnet:ConvDecoder", help="Vector to image")
    register(
        "gaussian_sampling",
        "kssl.layers.sampling:GaussianSampling",
        help="A reparametrized sample of a diagonal Gaussian",
    )
    register("corruption", "kssl.layers.corruption:Corruption", help="Noise added in training")


@hookimpl
def register_losses(register: Register) -> None:
    register(
        "reconstruction",
        "kssl.losses.reconstruction:Reconstruction",
        help="Distance of an input from its reconstruction",
    )
    register(
        "gaussian_kl",
        "kssl.losses.distribution:GaussianKL",
        help="Divergence of a diagonal Gaussian from the standard normal",
    )
    register("elbo", "kssl.losses.distribution:ELBO", help="Negative evidence lower bound")
    register(
        "importance_weighted_bound",
        "kssl.losses.distribution:ImportanceWeightedBound",
        help="Tighter bound from several samples",
    )


@hookimpl
def register_models(register: Register) -> None:
    register("autoencoder", "kssl.models.autoencoder:AutoEncoder", help="Reconstruct the input")
    register(
        "denoising_autoencoder",
        "kssl.models.denoising_autoencoder:DenoisingAutoEncoder",
        help="Reconstruct the clean input from a noisy one",
    )
    register("vae", "kssl.models.vae:VAE", help="Variational autoencoder")


@hookimpl
def register_callbacks(register: Register) -> None:
    register(
        "sample_grid",
        "kssl.callbacks.sample_grid:SampleGrid",
        help="A picture of samples after every epoch",
    )


@hookimpl
def register_evaluations(register: Register) -> None:
    register(
        "reconstruction",
        "kssl.evaluation.reconstruction:reconstruction",
        help="Squared error against PCA of the same width",
    )
    register(
        "denoising",
        "kssl.evaluation.denoising:denoising",
        help="Squared error from a noisy input",
    )
    register("knn", "kssl.evaluation.probes:knn", help="Nearest neighbours on the embedding")
    register("linear", "kssl.evaluation.probes:linear", help="Linear classifier on the embedding")
    register(
        "log_likelihood",
        "kssl.evaluation.likelihood:log_likelihood",
        help="Importance-sampled log p(x) of a test example",
    )


@hookimpl
def register_recipes(register: Register) -> None:
    register("vae_mnist", "kssl:vae_mnist.yaml", help="VAE, binarized anew each time")
    register("vae_mnist_binarized", "kssl:vae_mnist_binarized.yaml", help="VAE, fixed binarization")
    register("autoencoder_mnist", "kssl:autoencoder_mnist.yaml", help="Autoencoder against PCA")
    register(
        "denoising_autoencoder_mnist",
        "kssl:denoising_autoencoder_mnist.yaml",
        help="Denoising autoencoder",
    )
