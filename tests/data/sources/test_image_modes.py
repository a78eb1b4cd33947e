"""Pictures of every mode that Pillow opens: read right, and with one rule for more than 8 bits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kssl.data import images
from kssl.data.files.image import decode

RAMP = np.linspace(0, 65535, 64).reshape(8, 8).astype("uint16")
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP.T], axis=-1)
EIGHT = np.rint(COLOURS / 257.0).astype("uint8")
OPAQUE = np.full((8, 8, 1), 65535, "uint16")
TRANSPARENT = np.where(np.arange(8) < 4, 0, 65535).astype("uint16")[None, :, None].repeat(8, 0)


def png(path: Path, values: np.ndarray) -> None:
    """Colours of 16 bits, which Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        code = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", code)

    height, width, channels = values.shape
    kind = {3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def tiff(path: Path, values: np.ndarray, order: str) -> None:
    """Likewise, without compression, in the order of bytes `<` or `>`."""
    height, width, channels = values.shape
    data, end = values.astype(f"{order}u2").tobytes(), 8 + 2 + 12 * 11 + 4
    tags = [(256, width), (257, height), (258, end), (259, 1), (262, 2), (273, end + 2 * channels)]
    tags += [(277, channels), (278, height), (279, len(data)), (284, 1), (338, 2)]
    content = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 11)
    for tag, value in tags:
        count = channels if tag == 258 else 1 if tag != 338 else channels - 3
        short = tag in (258, 259, 262, 277, 284, 338)
        content += struct.pack(f"{order}HHI", tag, 3 if short else 4, count)
        inside = short and tag != 258
        content += (
            struct.pack(f"{order}HH", value, 0) if inside else struct.pack(f"{order}I", value)
        )
    path.write_bytes(
        content + bytes(4) + struct.pack(f"{order}{channels}H", *[16] * channels) + data
    )


WRITERS = {
    "png": png,
    "little.tif": lambda path, values: tiff(path, values, "<"),
    "big.tif": lambda path, values: tiff(path, values, ">"),
}


@pytest.mark.parametrize("alpha", [None, OPAQUE, TRANSPARENT], ids=["", "opaque", "transparent"])
@pytest.mark.parametrize("kind", WRITERS)
def test_colours_of_16_bits_are_read_by_all_of_them(
    kind: str, alpha: object, tmp_path: Path
) -> None:
    def read(values: np.ndarray, levels: float | None) -> np.ndarray:
        path = tmp_path / f"a.{kind}"
        WRITERS[kind](path, values if alpha is None else np.concatenate([values, alpha], axis=-1))
        return decode(path, 8, 3, levels)

    expected = EIGHT.copy()
    if alpha is TRANSPARENT:
        expected[:, :4] = 255  # on white
    np.testing.assert_array_equal(read(COLOURS, None), expected)
    np.testing.assert_allclose(read(COLOURS // 16, 4095), expected, atol=1)  # of 12 bits
    np.testing.assert_array_equal(
        read(COLOURS // 256, 255), np.where(expected == 255, 255, COLOURS >> 8)
    )


def test_colours_and_greys_of_16_bits_have_one_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        png(tmp_path / split / "colour.png", COLOURS // 16)
        Image.fromarray(RAMP // 32).save(tmp_path / split / "grey.png")
    (message,) = {
        record.getMessage()
        for split in ("train", "test")
        for _ in [images(split, str(tmp_path), 8)]
        for record in caplog.records
    }
    assert "values up to 4095 in the 6 looked at: white is 4095" in message
    colour, grey = (each["image"].numpy() for each in images("train", str(tmp_path), 8))
    np.testing.assert_allclose(colour, EIGHT, atol=1)
    np.testing.assert_allclose(grey[..., 0], RAMP / 514.0, atol=1)


SHALLOW = Image.fromarray(EIGHT)
GREY = Image.fromarray(EIGHT[..., 0])
RED_ON_WHITE = np.where((EIGHT[..., 0] > 127)[..., None], [255, 0, 0], 255)


def palette(transparent: bool) -> Image.Image:
    picture = Image.fromarray((EIGHT[..., 0] > 127).astype("uint8"), "P")
    picture.putpalette([0, 0, 255] * (not transparent) + [9, 9, 9] * transparent + [255, 0, 0])
    return picture


MODES = {
    "P with transparency": ("a.png", palette(True), {"transparency": 0}, RED_ON_WHITE, 0),
    "P": (
        "a.gif",
        palette(False),
        {},
        np.where((EIGHT[..., 0] > 127)[..., None], [255, 0, 0], [0, 0, 255]),
        0,
    ),
    "LA": ("a.png", GREY.convert("LA"), {}, EIGHT[..., :1].repeat(3, -1), 0),
    "1": ("a.png", GREY.point(lambda x: 255 * (x > 127), "1"), {}, None, 0),
    "1 in TIFF": ("a.tif", GREY.point(lambda x: 255 * (x > 127), "1"), {}, None, 0),
    "CMYK in TIFF": ("a.tif", SHALLOW.convert("CMYK"), {}, EIGHT, 0),
    "CMYK in JPEG": ("a.jpg", SHALLOW.convert("CMYK"), {"quality": 100}, EIGHT, 3),
    "YCbCr in TIFF": ("a.tif", SHALLOW.convert("YCbCr"), {}, EIGHT, 4),
    "YCbCr in JPEG": ("a.jpg", SHALLOW, {"quality": 100, "subsampling": 0}, EIGHT, 6),
    "RGB with one transparent colour": (
        "a.png",
        Image.fromarray(np.where(RED_ON_WHITE == 255, RED_ON_WHITE, 0).astype("uint8")),
        {"transparency": (255, 0, 0)},
        255 + 0 * EIGHT,
        0,
    ),
    "F": ("a.tif", Image.fromarray((RAMP / 65535).astype("float32")), {}, None, 1),
    "I": ("a.tif", Image.fromarray(RAMP.astype("int32")), {}, None, 1),
    "I;16": ("a.tif", Image.fromarray(RAMP), {}, None, 1),
    "I;16B": ("a.tif", Image.fromarray(RAMP.astype(">u2")), {}, None, 1),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_its_colours(mode: str, tmp_path: Path) -> None:
    name, picture, options, expected, tolerance = MODES[mode]
    picture.save(tmp_path / name, **options)
    if expected is None:
        grey = 255 * (EIGHT[..., :1] > 127) if mode.startswith("1") else EIGHT[..., :1]
        expected = grey.repeat(3, axis=-1)
    found = decode(tmp_path / name, 8, 3).astype(int)
    np.testing.assert_allclose(found, expected, atol=tolerance)
