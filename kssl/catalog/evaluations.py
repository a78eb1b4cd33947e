"""Evaluations: factories of functions of a task."""

from __future__ import annotations

# name: (where it is, one line of help)
EVALUATIONS = {
    "reconstruction": (
        "kssl.evaluation.generation.reconstruction:reconstruction",
        "Reconstruction error, against PCA",
    ),
    "denoising": (
        "kssl.evaluation.generation.denoising:denoising",
        "Reconstruction error from a corrupted input",
    ),
    "knn": ("kssl.evaluation.probes:knn", "k-nearest-neighbour classification of the embedding"),
    "linear": (
        "kssl.evaluation.probes:linear",
        "Linear probe: logistic regression on the embedding",
    ),
    "finetune": (
        "kssl.evaluation.finetuning.few_label:finetune",
        "Fine-tuning with few labels, against training from scratch",
    ),
    "few_label": (
        "kssl.evaluation.finetuning.few_label:few_label",
        "Fine-tuning accuracy against the number of labels",
    ),
    "perplexity": (
        "kssl.evaluation.language.perplexity:perplexity",
        "Perplexity, nats per token and bits per byte",
    ),
    "zero_shot": (
        "kssl.evaluation.language.zero_shot:zero_shot",
        "Zero-shot classification with prompts",
    ),
    "pretext_accuracy": (
        "kssl.evaluation.pretext_accuracy:pretext_accuracy",
        "Pretext-task accuracy, beside the chance level and a shortcut baseline",
    ),
    "clustering": (
        "kssl.evaluation.clustering:clustering",
        "K-means of the embedding: mutual information with the labels",
    ),
    "dense_error": (
        "kssl.evaluation.dense_error:dense_error",
        "Error of a predicted map: colours, or what is in a hole",
    ),
    "retrieval": (
        "kssl.evaluation.retrieval:retrieval",
        "Retrieval: precision@k",
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
        "Masked-token accuracy and perplexity",
    ),
    "finetune_classification": (
        "kssl.evaluation.finetuning.text_classification:finetune_classification",
        "Fine-tuning: text classification",
    ),
    "finetune_pairs": (
        "kssl.evaluation.finetuning.text_classification:finetune_pairs",
        "Fine-tuning: classification of text pairs",
    ),
    "finetune_tagging": (
        "kssl.evaluation.finetuning.tagging:finetune_tagging",
        "Fine-tuning: token classification (named entities)",
    ),
    "finetune_answers": (
        "kssl.evaluation.finetuning.answers:finetune_answers",
        "Fine-tuning: extractive question answering",
    ),
    "detection": (
        "kssl.evaluation.finetuning.detection:detection",
        "Object detection: mAP, or one box for each image",
    ),
}
