"""Contact sheets: each kind of data is drawn, with what changed and what is to be predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kssl.modalities import Modality
from kssl.report.sheets import Facts, batches, contact_sheet, drawn, pictures, texts

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((4, 8, 8, 3), dtype=np.float32)
VIDEO = RANDOM.random((4, 5, 8, 8, 1), dtype=np.float32)
SOUND = RANDOM.normal(size=(4, 200)).astype(np.float32)
TOKENS = np.arange(4 * 6).reshape(4, 6)
TABLE = RANDOM.normal(size=(4, 12)).astype(np.float32)

KINDS = {
    "image": ({"image": IMAGES, "label": np.arange(4)}, {"image": 1 - IMAGES, "angle": np.ones(4)}),
    "parts": ({"image": IMAGES}, {"tiles": VIDEO[..., :3], "mask": np.eye(4, 16) > 0}),
    "captions": ({"image": IMAGES, "text": np.array([b"a dog"] * 4)}, {"image": IMAGES}),
    "video": ({"video": VIDEO}, {"video": VIDEO[:, ::-1], "forwards": np.zeros(4, int)}),
    "audio": ({"audio": SOUND}, {"classes": (SOUND * 9).astype(int), "hidden": SOUND > 1}),
    "text": (
        {"text": np.array([b"one two $"] * 4)},
        {"tokens": TOKENS, "is_next": np.ones(4, int)},
    ),
    "tokens": ({"tokens": TOKENS}, {"tokens": TOKENS + 1, "weights": TOKENS % 2}),
    "pairs": (
        {"image": IMAGES, "tokens": TOKENS + 1},
        {"image": 1 - IMAGES, "tokens": TOKENS + 2},
    ),
    "table": ({"numeric": TABLE}, {"numeric": TABLE * (TABLE > 0), "mask": TABLE > 0}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_has_a_sheet(kind: str, tmp_path: Path) -> None:
    raw, made = KINDS[kind]
    path = contact_sheet(raw, [raw | made, raw | made], tmp_path / "sheet.png", kind)
    assert path.read_bytes().startswith(b"\x89PNG")
    again = contact_sheet(raw, [raw | made, raw | made], tmp_path / "again.png", kind)
    assert again.read_bytes() == path.read_bytes()


def test_what_cannot_be_drawn_is_said_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no known modality.*graph \(12,\), label \(6,\)"):
        contact_sheet({"graph": TABLE, "label": TOKENS}, [], tmp_path / "sheet.png", "graph")
    assert list(tmp_path.iterdir()) == []


def test_a_modality_of_a_plugin_is_drawn_by_its_layout_or_one_by_one(tmp_path: Path) -> None:
    graph = {"graph": TABLE, "label": np.arange(4)}
    sizes = []
    for layout in ("", "kssl.report.sheets.tables:draw"):
        kind = type("Graph", (Modality,), {"keys": {"graph": "float32"}, "layout": layout})
        path = tmp_path / f"sheet{len(sizes)}.png"
        contact_sheet(graph, [{**graph, "graph": -TABLE}], path, "graph", others=[kind()])
        sizes.append(path.stat().st_size)
    assert len(set(sizes)) == 2 and min(sizes) > 5000


def test_what_did_not_change_is_not_repeated() -> None:
    raw = {"image": (IMAGES * 255).astype(np.uint8), "label": np.arange(4)}
    scaled = raw["image"] / np.float32(255)
    rounds = [
        {"image": scaled, "target": scaled, "label": np.arange(4), "angle": np.full(4, turn)}
        for turn in (1, 2)
    ]
    found = [(name, key) for name, key, _, _ in batches.lines(raw, rounds, lambda *_: True)]
    assert found == [
        ("input", "image"),
        ("input", "label"),
        ("epoch 1", "target"),
        ("epoch 1", "angle"),
        ("epoch 2", "angle"),
    ]
    assert batches.captions(rounds[0], 2, raw) == ["angle: 1", "angle: 1"]


def test_parts_become_one_picture_and_masks_a_grid() -> None:
    tiles = np.stack([np.full((4, 4, 1), shade, np.float32) for shade in (0.0, 0.25, 0.5, 0.75)])
    (sheet,) = pictures.to_pictures("tiles", tiles[None])
    assert sheet.shape == (9, 9)  # two rows of two, and a gap
    assert sheet[0, 0] == 0 and sheet[0, -1] == 0.25 and sheet[-1, 0] == 0.5
    (grid,) = pictures.to_pictures("patches", tiles.reshape(1, 1, 4, 4, 4, 1))
    assert grid.shape == (4, 19)  # one row of four
    (mask,) = pictures.to_pictures("mask", np.array([[True, False, False, True]]))
    np.testing.assert_array_equal(mask, [[1, 0], [0, 1]])
    assert not pictures.is_picture("order", np.zeros((2, 9)))


def test_values_outside_0_to_1_are_brought_there() -> None:
    lightness = np.array([[0.0, 50.0, 100.0]])
    np.testing.assert_allclose(batches.unit(lightness), [[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(batches.unit(np.array([255, 0], np.uint8)), [1.0, 0.0])
    noisy = np.array([-0.2, 1.2])
    np.testing.assert_allclose(batches.unit(noisy), noisy, rtol=1e-6)


def test_pictures_of_one_channel_are_shown_as_they_are() -> None:
    sheet = pictures.draw({"image": np.full((2, 4, 4, 1), 255, np.uint8)}, [])
    drawn = sheet.axes[0].images[0]
    assert drawn.cmap(drawn.norm(drawn.get_array()))[0, 0].tolist() == [1, 1, 1, 1]


def test_words_are_spelled_marked_and_padding_is_left_out() -> None:
    spelled = ["[MASK]", "the", "cat sat", "\n", "[PAD]"]
    batch = {
        "tokens": np.arange(5)[None],
        "target_weights": np.array([[1.0, 0, 0, 0, 0]]),
        "padding_mask": np.array([[True, True, True, True, False]]),
    }
    words = texts._words(
        "tokens", batch["tokens"][0], batch, 0, lambda ids: [spelled[i] for i in ids]
    )
    assert [word for word, _, _ in words] == ["[MASK]", "the", "cat·sat", "↵"]
    assert [box is not None for _, _, box in words] == [True, False, False, False]
    assert texts._look("[PAD]", False)[1] is not None


def test_long_texts_flow_over_lines() -> None:
    placed = texts._flow([("word" * 10, "black", None)] * 9, line=3)
    assert placed[0].line == 3 and placed[-1].line > 3
    assert max(piece.column + len(piece.text) for piece in placed) <= texts._WIDTH


def said(sheet: Any) -> list[str]:
    """All that is written on a sheet."""
    texts = [text.get_text() for axes in sheet.axes for text in axes.texts]
    labels = [axes.get_xlabel() for axes in sheet.axes] + [axes.get_ylabel() for axes in sheet.axes]
    return [text for text in [*texts, *labels, *(a.get_title() for a in sheet.axes)] if text]


def test_labels_are_said_in_words() -> None:
    facts = Facts({"target": ("0 degrees", "90 degrees"), "label": ("cat", "dog")})
    raw = {"image": IMAGES, "label": np.array([0, 1, 1, 7])}
    made = raw | {"image": 1 - IMAGES, "target": np.array([1, 0, -1, 1])}
    text = said(drawn(raw, [made], facts=facts))
    assert [line for line in text if line.startswith("label")] == [
        *("label: cat", "label: dog", "label: dog", "label: 7")
    ]
    assert [line for line in text if line.startswith("target")] == [
        *("target: 90 degrees", "target: 0 degrees", "target: none", "target: 90 degrees")
    ]
    assert "output: image" in text and "epoch" not in " ".join(text)


def test_a_permutation_is_drawn_as_the_tiles_lie() -> None:
    facts = Facts({"target": ("1 2 3 4 5 6 7 8 9", "9 8 7 6 5 4 3 2 1")})
    raw = {"image": IMAGES}
    text = said(drawn(raw, [raw | {"target": np.array([1, 0, 1, 1])}], facts=facts))
    assert "target:\n9 8 7\n6 5 4\n3 2 1" in text


def test_columns_and_categories_of_tables_have_names() -> None:
    facts = Facts(
        columns={"numeric": ["weight"], "categorical": ["kind", "colour"]},
        categories=[("cat", "dog"), ("grey",)],
    )
    raw = {"numeric": TABLE[:, :1], "categorical": np.array([[1, 1], [2, 0], [1, 1], [2, 1]])}
    text = said(drawn(raw, [], facts=facts))
    assert {"weight", "kind", "colour", "cat", "dog", "grey", "(unknown)"} <= set(text)
    one_hot = ["weight", "kind: (unknown)", "kind: cat", "kind: dog"]
    assert facts.of_columns("numeric", 6) == [*one_hot, "colour: (unknown)", "colour: grey"]
    assert facts.of_columns("mask", 3) == ["weight", "kind", "colour"]
    assert facts.of_columns("numeric", 2) == ["column 1", "column 2"]


def test_sounds_are_on_one_scale_with_axes() -> None:
    raw = {"audio": SOUND / 8}
    sheet = drawn(raw, [{"audio": SOUND / 80}], facts=Facts(sample_rate=100))
    assert len({axes.get_ylim() for axes in sheet.axes}) == 1
    assert {axes.get_xlim() for axes in sheet.axes} == {(0.0, 2.0)}  # 200 samples
    assert {axes.get_xlabel() for axes in sheet.axes} == {"seconds"}
    assert all(len(axes.get_yticks()) > 1 for axes in sheet.axes)
    assert {axes.get_xlabel() for axes in drawn(raw, []).axes} == {"samples"}


def test_cbow_gives_the_words_around_and_asks_for_the_middle() -> None:
    batch = {
        "tokens": np.array([[1, 2, 3]]),
        "center": np.array([[1, 2, 3]]),
        "context": np.array([[[9, 2], [1, 3], [2, 9]]]),
        "context_mask": np.array([[[False, True], [True, True], [True, False]]]),
        "negatives": np.array([[[7], [7], [7]]]),
        "weight": np.array([[1.0, 1.0, 0.0]]),
    }
    words = dict(enumerate(["[PAD]", "the", "cat", "sat"]))

    def written(pairs: Any) -> list[str]:
        return [" ".join(word for word, _, _ in pair) for pair in pairs]

    spell = lambda ids: [words[i] for i in ids]  # noqa: E731
    assert written(texts._pairs(batch, 0, spell)) == ["cat → the", "the sat → cat"]
    pairs = {"center": np.array([[1, 2]]), "context": np.array([[2, 3]])}
    assert written(texts._pairs(pairs, 0, spell)) == ["the → cat", "cat → sat"]  # skip-gram


def test_texts_are_chosen_so_that_every_class_is_seen() -> None:
    raw = {"tokens": np.ones((8, 3), int)}
    made = {"pair": np.array(["next"] * 6 + ["random", "next"])}
    assert texts._varied(raw, [made]) == [0, 1, 2, 6]
    assert texts._varied(raw, [{}]) == [0, 1, 2, 3]


def test_texts_can_be_read_where_they_are_720_pixels_wide() -> None:
    sheet = drawn({"tokens": np.arange(400).reshape(4, 100)}, [])
    assert texts._FONT / 72 * 720 / sheet.get_figwidth() >= 12  # pixels
    words = texts._words("tokens", np.array([5, 6, 0, 0, 0]), {}, 0, None)
    assert [word for word, _, _ in words] == ["5", "6", "[PAD] × 3"]


def test_a_long_name_of_a_row_does_not_touch_its_words() -> None:
    row = np.array([[1, 2, 3]])
    raw = {"tokens": row, "other_tokens_of_all": row}
    sheet = texts.draw(raw, [{**raw}] * 3, lambda ids: [f"[CLS{each}]" for each in ids])
    (axes,) = sheet.axes
    names = [each for each in axes.texts if each.get_position()[0] == 0]
    first = min(each.get_position()[0] for each in axes.texts if each not in names)
    assert max(len(each.get_text()) for each in names) < first
    assert any(each.get_text().endswith("…") for each in names)
