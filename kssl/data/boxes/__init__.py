"""Images with boxes around what is on them, as Pascal VOC, COCO and Tiny ImageNet write them."""

from __future__ import annotations

from kssl.data.boxes.marked import Boxes
from kssl.data.boxes.read import BoxSplits, read_boxes

__all__ = ["BoxSplits", "Boxes", "read_boxes"]
