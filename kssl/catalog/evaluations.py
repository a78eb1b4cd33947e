"""Evaluations: factories of functions of a task."""

from __future__ import annotations

# name: (where it is, one line of help)
EVALUATIONS = {
    "reconstruction": (
        "kssl.evaluation.generation.reconstruction:reconstruction",
        "Squared error against PCA",
    ),
    "denoising": (
        "kssl.evaluation.generation.denoising:denoising",
        "Squared error from a noisy input",
    ),
    "knn": ("kssl.evaluation.probes:knn", "Nearest neighbours on the embedding"),
    "linear": ("kssl.evaluation.probes:linear", "Linear classifier on the embedding"),
    "finetune": (
        "kssl.evaluation.finetuning.few_label:finetune",
        "Trained on with few labels, against from scratch",
    ),
    "few_label": (
        "kssl.evaluation.finetuning.few_label:few_label",
        "Accuracy against the number of labels",
    ),
    "perplexity": (
        "kssl.evaluation.language.perplexity:perplexity",
        "Nats per token and bits per byte of the test text",
    ),
    "zero_shot": (
        "kssl.evaluation.language.zero_shot:zero_shot",
        "Classes by the words that a language model expects",
    ),
    "pretext_accuracy": (
        "kssl.evaluation.pretext_accuracy:pretext_accuracy",
        "Accuracy of the pseudo-label, beside chance and a shortcut",
    ),
    "retrieval": (
        "kssl.evaluation.retrieval:retrieval",
        "Precision@k: nearest neighbours of the same class",
    ),
    "sample_quality": (
        "kssl.evaluation.generation.sample_quality:sample_quality",
        "Fréchet distance, precision and recall",
    ),
    "log_likelihood": (
        "kssl.evaluation.generation.likelihood:log_likelihood",
        "Importance-sampled log p(x)",
    ),
    "masked_accuracy": (
        "kssl.evaluation.language.masked_accuracy:masked_accuracy",
        "How often hidden tokens are told",
    ),
    "finetune_classification": (
        "kssl.evaluation.finetuning.text_tasks:finetune_classification",
        "Trained on to classify texts",
    ),
    "finetune_pairs": (
        "kssl.evaluation.finetuning.text_tasks:finetune_pairs",
        "Trained on to classify pairs of texts",
    ),
    "finetune_tagging": (
        "kssl.evaluation.finetuning.text_tasks:finetune_tagging",
        "Trained on to find entities",
    ),
    "finetune_answers": (
        "kssl.evaluation.finetuning.text_answers:finetune_answers",
        "Trained on to answer from a paragraph",
    ),
}
