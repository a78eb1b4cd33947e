"""Methods by their usual names, what suits which kind of data, and tasks without a model."""

from __future__ import annotations

# usual name: (one line, the parts and recipes that carry it, in the order of use)
METHODS = {
    "ae": ("Autoencoder", ("autoencoder", "autoencoder_mnist")),
    "albert": ("BERT with sentence order", ("sentence_order", "mask_tokens", "bert")),
    "barlow": (
        "Barlow Twins: SimCLR's network with its loss",
        ("two_views", "simclr", "barlow_twins", "barlow_twins_fashion"),
    ),
    "bart": ("BART: text put right again", ("infill", "shuffle_sentences")),
    "beit": ("BEiT: patches from those around them", ("mask_patches", "mae")),
    "colorization": (
        "Colours from lightness",
        ("colorize", "dense_prediction", "colorization_cifar10"),
    ),
    "context_encoder": (
        "Context encoder: a hole filled in",
        ("inpaint", "dense_prediction"),
    ),
    "context_prediction": (
        "Where is the other patch?",
        ("relative_position", "pretext_classifier"),
    ),
    "cpc": (
        "Contrastive predictive coding",
        ("patch_grid", "cpc_image", "future_windows", "info_nce"),
    ),
    "dae": ("Denoising autoencoder", ("denoising_autoencoder", "denoising_autoencoder_mnist")),
    "ddim": ("A sampler of diffusion models", ("diffusion", "diffusion_mnist")),
    "ddpm": ("Diffusion", ("diffusion", "diffusion_mnist", "diffusion_cifar10_gpu")),
    "deepcluster": (
        "DeepCluster: clusters as classes",
        ("exemplar", "deep_cluster_v1", "deep_cluster", "deep_cluster_v1_fashion"),
    ),
    "instdisc": (
        "Instance discrimination with a memory bank",
        ("exemplar", "instance_discrimination", "instance_fashion"),
    ),
    "iwae": (
        "A VAE with a tighter bound",
        ("vae", "importance_weighted_bound", "vae_mnist_binarized"),
    ),
    "learning_to_count": ("Counts of quarters add up", ("count", "counting", "counting_fashion")),
    "masked_autoencoder": ("Masked autoencoder", ("mae", "mae_fashion", "mae_cifar10_gpu")),
    "masked_language_model": ("BERT", ("mask_tokens", "bert", "bert_news")),
    "moco_v2": ("Momentum contrast", ("two_views", "moco", "moco_fashion")),
    "momentum_contrast": ("Momentum contrast", ("two_views", "moco", "moco_fashion")),
    "npairs": ("N-pair loss", ("metric", "n_pair")),
    "pegasus": ("PEGASUS: masked sentences", ("mask_sentences",)),
    "relative_patch_location": (
        "Where is the other patch?",
        ("relative_position", "pretext_classifier"),
    ),
    "rotnet": ("Rotation prediction", ("rotate", "pretext_classifier", "rotation_fashion")),
    "scarf": ("SCARF: rows with values swapped", ("corrupt_features",)),
    "skip_thought": ("The sentences before and after", ("neighbour_sentences",)),
    "skipgram": ("word2vec: a word's neighbours", ("skip_gram", "negative_sampling")),
    "supcon": ("Supervised contrastive learning", ("metric", "supervised_contrastive")),
    "t5": ("T5: spans behind sentinels", ("corrupt_spans", "drop_spans")),
    "variational_autoencoder": ("Variational autoencoder", ("vae", "vae_mnist")),
    "vime": ("VIME: rows with values swapped", ("corrupt_features", "mask_features")),
    "vq_vae": ("Codes of a codebook", ("vector_quantizer", "autoencoder")),
    "wav2vec": ("Masked spans of sound", ("mask_time", "info_nce")),
    "word2vec": ("Words by their neighbours", ("skip_gram", "cbow", "negative_sampling")),
}

# Transforms whose task no model of kssl learns yet: a network of one's own does.
WITHOUT_MODEL = frozenset(
    "caption_pairs cbow corrupt_features corrupt_spans drop_spans future_frame "
    "future_windows infill mask_features mask_sentences mask_time neighbour_sentences "
    "reference_frame shuffle_sentences shuffle_words skip_gram".split()
)

FIELDS = ("images", "text", "sound", "video", "tables", "captions")

# Where parts are that suit some kinds of data only; all others suit any.
_BY_PATH = {
    "kssl.pretext.image.": ("images", "captions"),
    "kssl.pretext.scale:": ("images", "captions", "video"),
    "kssl.pretext.text.": ("text", "captions"),
    "kssl.pretext.audio.": ("sound",),
    "kssl.pretext.video.": ("video",),
    "kssl.pretext.table.": ("tables",),
    "kssl.pretext.pair.": ("captions",),
    "kssl.evaluation.language.": ("text",),
    "kssl.evaluation.dense_error:": ("images",),
    "kssl.evaluation.finetuning.few_label:": ("images", "sound", "video", "tables"),
    "kssl.evaluation.finetuning.": ("text",),
    "kssl.evaluation.generation.": ("images", "sound", "video", "tables"),
    "kssl.models.bert:": ("text",),
    "kssl.models.gpt:": ("text",),
    "kssl.models.mae:": ("images",),
    "kssl.models.counting:": ("images",),
    "kssl.models.cpc:": ("images",),
    "kssl.models.amdim:": ("images",),
    "kssl.models.dino:": ("images",),
    "kssl.models.cmc:": ("images",),
    "kssl.models.dense_prediction:": ("images",),
    "kssl.models.ijepa:": ("images",),
    "kssl.models.simmim:": ("images",),
    "kssl.models.split_brain:": ("images",),
    "kssl.models.diffusion:": ("images",),
    "kssl.losses.words:": ("text",),
    "kssl.losses.tokens:": ("text",),
    "kssl.losses.multimodal:": ("captions",),
    "kssl.data.sources.text:": ("text",),
    "kssl.data.sources.tokens:": ("text",),
    "kssl.data.sources.audio:": ("sound",),
    "kssl.data.sources.video:": ("video",),
    "kssl.data.sources.moving_digits:": ("video",),
    "kssl.data.sources.tabular:": ("tables",),
    "kssl.data.sources.sklearn_table:": ("tables",),
    "kssl.data.sources.captions:": ("captions",),
    "kssl.data.sources.tfds:tfds": FIELDS,
    "kssl.data.sources.": ("images",),
    "kssl:bert": ("text",),
    "kssl:gpt": ("text",),
    "kssl:": ("images",),
    "kssl.callbacks.sample_text:": ("text",),
    "kssl.callbacks.sample_grid:": ("images",),
}


def suits(path: str, field: str) -> bool:
    """Return whether a part, by where it is, suits a kind of data.

    Args:
        path: Of the part, as it is offered.
        field: One of `FIELDS`.

    Example:
        >>> suits("kssl.pretext.image.rotation:rotate", "text"), suits("mine.part:it", "text")
        (False, True)
    """
    for start, fields in _BY_PATH.items():
        if path.startswith(start):
            return field in fields
    return True
