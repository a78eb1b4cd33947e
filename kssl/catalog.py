"""What kssl itself offers: plugin number one, registered through the same hooks as any other."""

from __future__ import annotations

from kssl import hookimpl
from kssl.hookspecs import Register

# name, module:class below kssl.layers, what it is
_LAYERS = (
    ("mlp", "mlp:MLP", "Fully connected layers"),
    ("conv_encoder", "convnet:ConvEncoder", "Image to vector"),
    ("conv_decoder", "convnet:ConvDecoder", "Vector to image"),
    ("gaussian_sampling", "sampling:GaussianSampling", "Reparametrized sample of a Gaussian"),
    ("corruption", "corruption:Corruption", "Gaussian, masking or salt-and-pepper noise"),
    ("batch_normalization", "normalization:BatchNormalization", "Keras' own, faster on TensorFlow"),
    ("conv_net", "resnet:ConvNet", "Small residual network for images"),
    ("dilated_causal_stack", "causal:DilatedCausalStack", "Body of a WaveNet"),
    ("feature_queue", "queue:FeatureQueue", "Features of the last batches"),
    ("gated_activation", "causal:GatedActivation", "Half the features gate the others"),
    ("gradient_reversal", "gradient:GradientReversal", "Turns gradients round"),
    ("mask_tokens", "masking:MaskTokens", "Hidden tokens back in their places"),
    ("masked_conv2d", "causal:MaskedConv2D", "Convolution of a PixelCNN"),
    ("masked_dense", "autoregressive:MaskedDense", "Dense layer of a MADE"),
    ("momentum_encoder", "momentum:MomentumEncoder", "Teacher that follows its student"),
    ("neural_autoregressive", "autoregressive:NeuralAutoregressive", "Conditionals of a NADE"),
    ("patch_embedding", "patches:PatchEmbedding", "One vector for each patch"),
    ("patches", "patches:Patches", "Image to patches"),
    ("prediction_head", "heads:PredictionHead", "Predictor of BYOL and SimSiam"),
    ("projection_head", "heads:ProjectionHead", "Projector between encoder and loss"),
    ("prototypes", "clustering:Prototypes", "Cosine scores against learned prototypes"),
    ("random_masking", "masking:RandomMasking", "Hides most tokens"),
    ("residual_block", "resnet:ResidualBlock", "Convolutions with a shortcut"),
    ("resnet", "resnet:ResNet", "Residual network for 32 x 32 images"),
    ("sin_cos_positions", "positions:SinCosPositions", "Fixed position embedding"),
    ("sinkhorn", "clustering:Sinkhorn", "Assignments in equal shares"),
    ("timestep_embedding", "positions:TimestepEmbedding", "Embedding of a diffusion timestep"),
    ("unet", "unet:UNet", "Image to image, with timestep and class"),
    ("unet_block", "unet_block:UNetBlock", "Residual block with conditioning"),
    ("unpatchify", "patches:Unpatchify", "Patches to image"),
    ("vector_quantizer", "quantizer:VectorQuantizer", "Nearest entry of a codebook"),
)


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
    for name, path, help in _LAYERS:
        register(name, f"kssl.layers.{path}", help=help)


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
    register(
        "contrastive",
        "kssl.losses.pairs:Contrastive",
        help="Similar pairs together, others a margin apart",
    )
    register(
        "lifted_structured",
        "kssl.losses.pairs:LiftedStructured",
        help="Each positive pair against all its negatives",
    )
    register(
        "n_pair",
        "kssl.losses.pairs:NPair",
        help="One positive against many negatives, by dot products",
    )
    register(
        "triplet",
        "kssl.losses.triplets:Triplet",
        help="Positive nearer than negative; mines the batch",
    )
    register(
        "soft_nearest_neighbor",
        "kssl.losses.neighbours:SoftNearestNeighbor",
        help="Chance of a neighbour of the class",
    )
    register(
        "supervised_contrastive",
        "kssl.losses.neighbours:SupervisedContrastive",
        help="SupCon: all of the class are positives",
    )
    register(
        "nce",
        "kssl.losses.noise_contrastive:NCE",
        help="Logistic regression of data against noise",
    )
    register(
        "info_nce",
        "kssl.losses.noise_contrastive:InfoNCE",
        help="Find each query's key in the batch",
    )
    register(
        "nt_xent",
        "kssl.losses.noise_contrastive:NTXent",
        help="SimCLR: find the other view in the batch",
    )
    register(
        "clip",
        "kssl.losses.multimodal:CLIP",
        help="Images find their texts and texts their images",
    )
    register(
        "siglip",
        "kssl.losses.multimodal:SigLIP",
        help="Whether each image and each text belong together",
    )
    register(
        "barlow_twins",
        "kssl.losses.redundancy:BarlowTwins",
        help="Cross-correlation of two views to the identity",
    )
    register("vicreg", "kssl.losses.redundancy:VICReg", help="Invariance, variance, covariance")
    register(
        "negative_cosine",
        "kssl.losses.redundancy:NegativeCosine",
        help="BYOL and SimSiam: predict the other view",
    )
    register(
        "dino",
        "kssl.losses.clustering:DINO",
        help="Student follows the centred, sharpened teacher",
    )
    register(
        "swapped_prediction",
        "kssl.losses.clustering:SwappedPrediction",
        help="SwAV: predict the other view's code",
    )
    register(
        "gaussian_kl_between",
        "kssl.losses.divergence:GaussianKLBetween",
        help="Divergence of two diagonal Gaussians",
    )
    register(
        "categorical_kl",
        "kssl.losses.divergence:CategoricalKL",
        help="Divergence of two categorical distributions",
    )
    register(
        "negative_sampling",
        "kssl.losses.words:NegativeSampling",
        help="word2vec: a word against noise words",
    )
    register(
        "sampled_softmax",
        "kssl.losses.words:SampledSoftmax",
        help="Cross-entropy over a sample of the vocabulary",
    )
    register(
        "masked_cross_entropy",
        "kssl.losses.tokens:MaskedCrossEntropy",
        help="Cross-entropy of the selected tokens",
    )
    register(
        "adversarial",
        "kssl.losses.adversarial:Adversarial",
        help="Discriminator or generator: three kinds",
    )
    register(
        "contrastive_divergence",
        "kssl.losses.energy:ContrastiveDivergence",
        help="Free energy of data against samples",
    )
    register("denoising_score", "kssl.losses.score:DenoisingScore", help="The score of noisy data")
    register(
        "diffusion",
        "kssl.losses.score:Diffusion",
        help="Squared error by noise level: min-SNR, EDM",
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
def register_optimizers(register: Register) -> None:
    register("ema", "kssl.optimizers.ema:EMA", help="Any optimizer, and an average of its weights")
    register("lars", "kssl.optimizers.lars:LARS", help="Momentum for very large batches")


@hookimpl
def register_schedules(register: Register) -> None:
    register("warmup_cosine", "kssl.optimizers.schedules:WarmupCosine", help="Rise, then a cosine")


@hookimpl
def register_callbacks(register: Register) -> None:
    register(
        "sample_grid",
        "kssl.callbacks.sample_grid:SampleGrid",
        help="A picture of samples every few epochs",
    )
    register("swap_ema", "kssl.optimizers.ema:SwapEMA", help="Evaluate with averaged weights")


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
