"""Datasets: functions `(split, **settings)` that return a `tf.data.Dataset`."""

from __future__ import annotations

# name: (where it is, one line of help)
DATASETS = {
    "tfds": ("kssl.data.sources.tfds:tfds", "Any dataset of TensorFlow Datasets"),
    "mnist": ("kssl.data.sources.tfds:mnist", "Handwritten digits, 28 x 28, 70,000"),
    "fashion_mnist": ("kssl.data.sources.tfds:fashion_mnist", "Clothes, 28 x 28, 70,000"),
    "cifar10": ("kssl.data.sources.tfds:cifar10", "Colour photographs, 32 x 32, 60,000"),
    "digits": ("kssl.data.sources.digits:digits", "1,797 digits that come with scikit-learn"),
    "synthetic": ("kssl.data.sources.synthetic:synthetic", "Synthetic images, for tests"),
    "arrays": ("kssl.data.sources.arrays:arrays", "NumPy files: .npz or .npy"),
    "images": ("kssl.data.sources.images:images", "A folder of image files"),
    "text": ("kssl.data.sources.text:text", "Text files: plain, JSON lines, CSV, TSV"),
    "tokens": ("kssl.data.sources.tokens:tokens", "Text as ids: packed, sentences or pairs"),
    "python_topics": ("kssl.data.sources.text:python_topics", "Texts of Python's own help"),
    "tabular": ("kssl.data.sources.tabular:tabular", "A table: CSV or Parquet"),
    "audio": ("kssl.data.sources.audio:audio", "Recordings: WAV, FLAC or .npz"),
    "video": ("kssl.data.sources.video:video", "Clips: MP4, folders of frames or .npz"),
    "captions": ("kssl.data.sources.captions:captions", "Images with their captions"),
    "moving_digits": ("kssl.data.sources.moving_digits:moving_digits", "Video of bouncing digits"),
    "photographs": ("kssl.data.sources.photographs:photographs", "Crops of two photographs"),
    "sklearn_table": (
        "kssl.data.sources.sklearn_table:sklearn_table",
        "Tables: breast_cancer, iris, wine",
    ),
}
