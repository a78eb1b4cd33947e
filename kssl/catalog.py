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
    ("batch_normalization", "normalization:BatchNormalization", "Keras' own, fused on TensorFlow"),
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
    (
        "random_view",
        "augmentation:RandomView",
        "Random crop, flip and colours, in the training step",
    ),
    ("residual_block", "resnet:ResidualBlock", "Convolutions with a shortcut"),
    ("resnet", "resnet:ResNet", "Residual network for 32 x 32 images"),
    ("sin_cos_positions", "positions:SinCosPositions", "Fixed position embedding"),
    ("sinkhorn", "clustering:Sinkhorn", "Assignments in equal shares"),
    ("timestep_embedding", "positions:TimestepEmbedding", "Embedding of a diffusion timestep"),
    ("transformer", "transformer:Transformer", "Body of a vision transformer"),
    ("unet", "unet:UNet", "Image to image, with timestep and class"),
    ("unet_block", "unet_block:UNetBlock", "Residual block with conditioning"),
    ("unpatchify", "patches:Unpatchify", "Patches to image"),
    ("vector_quantizer", "quantizer:VectorQuantizer", "Nearest entry of a codebook"),
)

# name, module:class below kssl.losses, what it is
_LOSSES = (
    (
        "reconstruction",
        "reconstruction:Reconstruction",
        "Distance of an input from its reconstruction",
    ),
    (
        "gaussian_kl",
        "distribution:GaussianKL",
        "Divergence of a diagonal Gaussian from the standard normal",
    ),
    ("elbo", "distribution:ELBO", "Negative evidence lower bound"),
    (
        "importance_weighted_bound",
        "distribution:ImportanceWeightedBound",
        "Tighter bound from several samples",
    ),
    ("contrastive", "pairs:Contrastive", "Similar pairs together, others a margin apart"),
    ("lifted_structured", "pairs:LiftedStructured", "Each positive pair against all its negatives"),
    ("n_pair", "pairs:NPair", "One positive against many negatives, by dot products"),
    ("triplet", "triplets:Triplet", "Positive nearer than negative; mines the batch"),
    (
        "soft_nearest_neighbor",
        "neighbours:SoftNearestNeighbor",
        "Chance of a neighbour of the class",
    ),
    (
        "supervised_contrastive",
        "neighbours:SupervisedContrastive",
        "SupCon: all of the class are positives",
    ),
    ("nce", "noise_contrastive:NCE", "Logistic regression of data against noise"),
    ("info_nce", "noise_contrastive:InfoNCE", "Find each query's key in the batch"),
    ("nt_xent", "noise_contrastive:NTXent", "SimCLR: find the other view in the batch"),
    ("clip", "multimodal:CLIP", "Images find their texts and texts their images"),
    ("siglip", "multimodal:SigLIP", "Whether each image and each text belong together"),
    ("barlow_twins", "redundancy:BarlowTwins", "Cross-correlation of two views to the identity"),
    ("vicreg", "redundancy:VICReg", "Invariance, variance, covariance"),
    ("negative_cosine", "redundancy:NegativeCosine", "BYOL and SimSiam: predict the other view"),
    ("dino", "clustering:DINO", "Student follows the centred, sharpened teacher"),
    ("swapped_prediction", "clustering:SwappedPrediction", "SwAV: predict the other view's code"),
    ("gaussian_kl_between", "divergence:GaussianKLBetween", "Divergence of two diagonal Gaussians"),
    ("categorical_kl", "divergence:CategoricalKL", "Divergence of two categorical distributions"),
    ("negative_sampling", "words:NegativeSampling", "word2vec: a word against noise words"),
    ("sampled_softmax", "words:SampledSoftmax", "Cross-entropy over a sample of the vocabulary"),
    ("masked_cross_entropy", "tokens:MaskedCrossEntropy", "Cross-entropy of the selected tokens"),
    ("adversarial", "adversarial:Adversarial", "Discriminator or generator: three kinds"),
    (
        "contrastive_divergence",
        "energy:ContrastiveDivergence",
        "Free energy of data against samples",
    ),
    ("denoising_score", "score:DenoisingScore", "The score of noisy data"),
    ("diffusion", "score:Diffusion", "Squared error by noise level: min-SNR, EDM"),
)

# name, module:factory below kssl.pretext, what it is: of sound, video, tables, images with text
_OTHER_TRANSFORMS = (
    ("mu_law", "companding:mu_law", "Sound to 256 classes"),
    ("future_windows", "sequences:future_windows", "CPC: past, future and wrong windows"),
    ("mask_time", "sequences:mask_time", "Hide spans of a sequence: wav2vec 2.0"),
    ("frame_order", "frames:frame_order", "Are these three frames in order?"),
    ("arrow_of_time", "frames:arrow_of_time", "Forwards or backwards?"),
    ("reference_frame", "reference:reference_frame", "Colour later frames from the first"),
    ("future_frame", "frames:future_frame", "Predict the frames that follow"),
    ("corrupt_features", "rows:corrupt_features", "Swap values within columns: SCARF, VIME"),
    ("mask_features", "rows:mask_features", "Hide values of a row: TabNet"),
    ("caption_pairs", "captions:caption_pairs", "One caption for each image, drawn anew"),
    ("split", "splitting:split", "Predict any part from any other"),
    ("rotate", "rotation:rotate", "Quarter turns: which way up?"),
    ("jigsaw", "jigsaw:jigsaw", "Shuffled tiles: which permutation?"),
    ("relative_position", "relative_position:relative_position", "Where is the other patch?"),
    ("colorize", "colorization:colorize", "Colours from lightness"),
    ("color_views", "color:color_views", "Brightness against colour: CMC, split-brain"),
    ("inpaint", "inpainting:inpaint", "Fill in a hole"),
    ("mask_patches", "patch_masking:mask_patches", "Hide patches: MAE, BEiT"),
    ("count", "counting:count", "The parts add up to the whole"),
)

# name, module:factory below kssl.pretext, what it is: of text
_TEXT_TRANSFORMS = (
    ("tokenize", "tokenize:tokenize", "Text to ids of one length"),
    ("skip_gram", "word_pairs:skip_gram", "word2vec: words, neighbours and noise words"),
    ("cbow", "word_pairs:cbow", "word2vec: a word from those around it"),
    ("mask_tokens", "token_masking:mask_tokens", "BERT: hide 15 % of the tokens, 80/10/10"),
    ("word_dropout", "token_masking:word_dropout", "Words unknown at random: text VAE"),
    ("sentence_pairs", "sentence_tasks:sentence_pairs", "BERT: does B follow A?"),
    ("sentence_order", "sentence_tasks:sentence_order", "ALBERT: in order or swapped?"),
    (
        "neighbour_sentences",
        "sentence_tasks:neighbour_sentences",
        "Skip-thought: the sentences before and after",
    ),
    ("shuffle_words", "shuffling:shuffle_words", "Put words back into order"),
    ("shuffle_sentences", "shuffling:shuffle_sentences", "BART: put sentences back into order"),
    ("mask_sentences", "shuffling:mask_sentences", "PEGASUS: write the hidden sentences"),
    ("next_token", "language:next_token", "GPT: each token from those before it"),
    ("prefix", "language:prefix", "The rest of a row from its beginning"),
    ("corrupt_spans", "spans:corrupt_spans", "T5: spans behind sentinels"),
    ("drop_spans", "spans:drop_spans", "Write the spans that were left out"),
    ("infill", "infilling:infill", "BART: spans of unknown length behind one mask"),
)

# name, module:class below kssl.models, what it is
_MODELS = (
    ("autoencoder", "autoencoder:AutoEncoder", "Reconstruct the input"),
    ("bert", "bert:BERT", "Hidden words from both sides, and pairs"),
    (
        "denoising_autoencoder",
        "denoising_autoencoder:DenoisingAutoEncoder",
        "Reconstruct the clean input from a noisy one",
    ),
    ("diffusion", "diffusion:Diffusion", "Take noise away, step by step"),
    ("gpt", "gpt:GPT", "The next token from those before it"),
    ("mae", "mae:MAE", "Masked autoencoder: a vision transformer"),
    ("metric", "metric:Metric", "Distances that follow labels: triplet, …"),
    ("simclr", "simclr:SimCLR", "Two views of an image find each other"),
    ("vae", "vae:VAE", "Variational autoencoder"),
)

# name, module:factory below kssl.evaluation, what it is
_EVALUATIONS = (
    ("reconstruction", "reconstruction:reconstruction", "Squared error against PCA"),
    ("denoising", "denoising:denoising", "Squared error from a noisy input"),
    ("knn", "probes:knn", "Nearest neighbours on the embedding"),
    ("linear", "probes:linear", "Linear classifier on the embedding"),
    ("finetune", "finetune:finetune", "Trained on with few labels, against from scratch"),
    ("few_label", "finetune:few_label", "Accuracy against the number of labels"),
    ("perplexity", "perplexity:perplexity", "Nats per token and bits per byte of the test text"),
    ("zero_shot", "zero_shot:zero_shot", "Classes by the words that a language model expects"),
    ("retrieval", "retrieval:retrieval", "Precision@k: nearest neighbours of the same class"),
    ("sample_quality", "sample_quality:sample_quality", "Fréchet distance, precision and recall"),
    ("log_likelihood", "likelihood:log_likelihood", "Importance-sampled log p(x)"),
    ("masked_accuracy", "masked_accuracy:masked_accuracy", "How often hidden tokens are told"),
    (
        "finetune_classification",
        "text_tasks:finetune_classification",
        "Trained on to classify texts",
    ),
    ("finetune_pairs", "text_tasks:finetune_pairs", "Trained on to classify pairs of texts"),
    ("finetune_tagging", "text_tasks:finetune_tagging", "Trained on to find entities"),
    ("finetune_answers", "text_answers:finetune_answers", "Trained on to answer from a paragraph"),
)

# the file in recipes/ without .yaml, what it is
_RECIPES = (
    ("autoencoder_mnist", "Autoencoder against PCA"),
    ("bert_news", "BERT, small, on BBC news"),
    ("bert_wikipedia_gpu", "BERT-small on a folder of text, for a GPU"),
    ("denoising_autoencoder_mnist", "Denoising autoencoder"),
    ("diffusion_cifar10_gpu", "Diffusion with DDPM's settings, for a GPU"),
    ("diffusion_mnist", "Diffusion, digits by class"),
    ("gpt_shakespeare", "GPT, character by character"),
    ("gpt_shakespeare_gpu", "GPT, larger, for a GPU"),
    ("mae_cifar10_gpu", "Masked autoencoder, large, for a GPU"),
    ("mae_fashion", "Masked autoencoder on Fashion-MNIST"),
    ("simclr_cifar10_gpu", "SimCLR with a ResNet-18, for a GPU"),
    ("simclr_fashion", "SimCLR on Fashion-MNIST"),
    ("triplet_mnist", "Triplets, trained on labels"),
    ("vae_mnist", "VAE, binarized anew each time"),
    ("vae_mnist_binarized", "VAE, fixed binarization"),
)


@hookimpl
def register_datasets(register: Register) -> None:
    register("tfds", "kssl.data.tfds:tfds", help="Any dataset of TensorFlow Datasets")
    register("mnist", "kssl.data.tfds:mnist", help="Handwritten digits, 28 x 28, 70,000")
    register("fashion_mnist", "kssl.data.tfds:fashion_mnist", help="Clothes, 28 x 28, 70,000")
    register("cifar10", "kssl.data.tfds:cifar10", help="Colour photographs, 32 x 32, 60,000")
    register("digits", "kssl.data.embedded:digits", help="1,797 digits that scikit-learn brings")
    register(
        "synthetic", "kssl.data.embedded:synthetic", help="Made-up images, for trying things out"
    )
    register("arrays", "kssl.data.arrays:arrays", help="NumPy files: .npz or .npy")
    register("images", "kssl.data.images:images", help="A folder of image files")
    register("text", "kssl.data.text:text", help="Text files: plain, JSON lines, CSV, TSV")
    register("tokens", "kssl.data.tokens:tokens", help="Text as ids: packed, sentences or pairs")
    register("python_topics", "kssl.data.text:python_topics", help="Texts of Python's own help")
    register("tabular", "kssl.data.tabular:tabular", help="A table: CSV or Parquet")
    register("audio", "kssl.data.audio:audio", help="Recordings: WAV, FLAC or .npz")
    register("video", "kssl.data.video:video", help="Clips: MP4, folders of frames or .npz")
    register("captions", "kssl.data.captions:captions", help="Images with their captions")
    register("moving_digits", "kssl.data.samples:moving_digits", help="Video of bouncing digits")
    register("photographs", "kssl.data.samples:photographs", help="Crops of two photographs")
    register("sklearn_table", "kssl.data.samples:sklearn_table", help="Tables: cells, iris, wine")


@hookimpl
def register_transforms(register: Register) -> None:
    register("to_float", "kssl.pretext.scale:to_float", help="Images of bytes to [0, 1]")
    register("flatten", "kssl.pretext.scale:flatten", help="Images to vectors")
    register("binarize", "kssl.pretext.scale:binarize", help="Pixels to 0 or 1")
    register("noise", "kssl.pretext.noise:noise", help="Gaussian, masking, salt-and-pepper, swap")
    for name, path, help in _OTHER_TRANSFORMS + _TEXT_TRANSFORMS:
        register(name, f"kssl.pretext.{path}", help=help)
    register("two_views", "kssl.pretext.views:two_views", help="Two random views: SimCLR, BYOL")
    register(
        "multi_crop", "kssl.pretext.views:multi_crop", help="Large and small views: SwAV, DINO"
    )
    register("exemplar", "kssl.pretext.views:exemplar", help="A class of its own for each image")
    register("patch_grid", "kssl.pretext.grids:patch_grid", help="Overlapping patches: CPC")


@hookimpl
def register_layers(register: Register) -> None:
    for name, path, help in _LAYERS:
        register(name, f"kssl.layers.{path}", help=help)


@hookimpl
def register_losses(register: Register) -> None:
    for name, path, help in _LOSSES:
        register(name, f"kssl.losses.{path}", help=help)


@hookimpl
def register_models(register: Register) -> None:
    for name, path, help in _MODELS:
        register(name, f"kssl.models.{path}", help=help)


@hookimpl
def register_optimizers(register: Register) -> None:
    home = "kssl.optimizers"
    register("ema", f"{home}.ema:EMA", help="Any optimizer, and an average of its weights")
    register("matrix_adamw", f"{home}.adamw:MatrixAdamW", help="AdamW that spares biases and gains")
    register("lars", f"{home}.lars:LARS", help="Momentum for very large batches")


@hookimpl
def register_schedules(register: Register) -> None:
    register("warmup_cosine", "kssl.optimizers.schedules:WarmupCosine", help="Rise, then a cosine")


@hookimpl
def register_callbacks(register: Register) -> None:
    home = "kssl.callbacks"
    register("health_guard", f"{home}.health_guard:HealthGuard", help="Warns of a collapse")
    register("sample_grid", f"{home}.sample_grid:SampleGrid", help="Samples every few epochs")
    register("sample_text", f"{home}.sample_text:SampleText", help="Texts every few epochs")
    register("swap_ema", "kssl.optimizers.ema:SwapEMA", help="Evaluate with averaged weights")


@hookimpl
def register_evaluations(register: Register) -> None:
    for name, path, help in _EVALUATIONS:
        register(name, f"kssl.evaluation.{path}", help=help)


@hookimpl
def register_recipes(register: Register) -> None:
    for name, help in _RECIPES:
        register(name, f"kssl:{name}.yaml", help=help)
