"""TensorBoard's event files after an interruption: what is written again is taken out first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kssl.system.files import replacing


def forget_events(folder: Path, epoch: int, updates: int) -> None:
    """Take out what a resumed training will write again, and what a kill has cut short.

    Args:
        folder: Of the event files, with its folders for training and validation.
        epoch: The first epoch, from 0, that is trained or finished now.
        updates: Of the weights, so far.
    """
    import tensorflow as tf

    for path in sorted(Path(folder).rglob("events.out.*")):
        if path.is_symlink() or not path.is_file():
            continue
        records = list(_records(path))
        kept = [raw for raw, event in records if not _again(event, epoch, updates)]
        if len(kept) == len(records) and sum(len(raw) + 16 for raw in kept) == path.stat().st_size:
            continue
        with replacing(path) as temporary:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for raw in kept:
                    writer.write(raw)


def _records(path: Path) -> Iterator[tuple[bytes, Any]]:
    """Yield the events of a file up to where it is damaged, each as written and as read."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield record, event_pb2.Event.FromString(record)
    except Exception:  # cut short, or no record at all: what follows cannot be read by anyone
        return


def _again(event: Any, epoch: int, updates: int) -> bool:
    tags = [value.tag for value in event.summary.value]
    if any(tag.endswith("_vs_iterations") for tag in tags):  # of a validation
        return event.step > updates
    return any(tag.startswith("epoch_") for tag in tags) and event.step >= epoch
