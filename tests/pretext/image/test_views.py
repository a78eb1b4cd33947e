"""Random views: what is drawn, in which shares, and that nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.data import Pipeline
from kssl.errors import UserError

COUNT = 2000
SEEDS = np.stack([np.full(COUNT, 5), np.arange(COUNT)], 1).astype(np.int32)
STILL = {"scale": (1, 1), "ratio": (1, 1), "flip": 0, "jitter": 0, "gray": 0, "blur": 0}
RAMP = np.tile(np.linspace(0.1, 0.9, 9, dtype=np.float32)[:, None, None], (1, 9, 3))
COLOR = np.array([0.5, 0.3, 0.35], np.float32)


def random_bytes(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def views(images: Any, first: Any = None, second: Any = None, **settings: Any) -> list[np.ndarray]:
    images = tf.convert_to_tensor(images)
    transform = pretext.two_views(
        first={**STILL, **(first or {})}, second={**STILL, **(second or {})}, **settings
    )
    made = transform({"image": images}, SEEDS[: len(images)])
    return [made["view_1"].numpy(), made["view_2"].numpy()]


def many(image: np.ndarray, **settings: Any) -> np.ndarray:
    """The same image in 2,000 views."""
    return views(np.broadcast_to(image, (COUNT, *image.shape)), settings)[0]


def share(found: Any, wanted: float) -> bool:
    """Whether a share of coin tosses is within 5 standard deviations of its chance."""
    found = np.asarray(found, float)
    return abs(found.mean() - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / found.size)


@pytest.mark.parametrize("blur", [{}, {"blur": 1.0, "sigma": (1e-3, 1e-3)}])
@pytest.mark.parametrize("shape", [(5, 12, 17, 3), (5, 16, 16, 1)])
def test_a_view_of_the_whole_image_is_the_image(shape: tuple[int, ...], blur: Any) -> None:
    images = random_bytes(*shape)
    shaped = {**blur, "ratio": (shape[2] / shape[1],) * 2}  # else a part of an allowed ratio
    one, other = views(images, shaped, {**shaped, "flip": 1})
    np.testing.assert_allclose(one, images / 255, atol=2e-5)
    np.testing.assert_allclose(other, images[:, :, ::-1] / 255, atol=2e-5)


def test_bytes_and_floats_give_the_same_views() -> None:
    images = random_bytes(6, 16, 16, 3)
    for preset in ("small", "byol"):
        made = [
            pretext.two_views(preset)({"image": tf.constant(each)}, SEEDS[:6])["view_2"]
            for each in (images, (images / 255).astype(np.float32))
        ]
        np.testing.assert_allclose(made[0], made[1], atol=1e-4)


def test_half_of_the_views_are_flipped() -> None:
    image = np.zeros((4, 4, 3), np.float32)
    image[:, :2] = 1.0
    assert share(many(image, flip=0.5)[:, 0, 0, 0] < 0.5, 0.5)


def test_a_fifth_of_the_views_are_grey() -> None:
    made = many(np.broadcast_to(COLOR, (2, 2, 3)), gray=0.2)[:, 0, 0]
    grey = np.ptp(made, axis=1) < 1e-6
    assert share(grey, 0.2)
    luma = COLOR @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(made[grey], np.full((grey.sum(), 3), luma), atol=1e-6)
    np.testing.assert_allclose(made[~grey], np.tile(COLOR, ((~grey).sum(), 1)), atol=1e-6)


def test_brightness_is_an_even_factor_in_four_of_five_views() -> None:
    image = np.full((2, 2, 1), 0.25, np.float32)
    factors = many(image, jitter=0.8, brightness=0.4, contrast=0)[:, 0, 0, 0] / 0.25
    changed = np.abs(factors - 1) > 1e-6
    assert share(changed, 0.8)
    drawn = np.sort(factors[changed])
    assert 0.6 <= drawn[0] < 0.61 and 1.39 < drawn[-1] <= 1.4
    even = np.linspace(0.6, 1.4, drawn.size)
    assert np.abs(drawn - even).max() < 0.8 * 1.95 / np.sqrt(drawn.size)  # Kolmogorov-Smirnov


def test_no_contrast_is_the_mean_luma() -> None:
    made = many(RAMP, jitter=1, brightness=0, contrast=1, saturation=0, hue=0)
    spread = made.max((1, 2, 3)) - made.min((1, 2, 3))
    weak = spread < 0.7  # not clipped
    np.testing.assert_allclose(made.mean((1, 2, 3))[weak], RAMP.mean(), atol=1e-5)
    assert spread.min() < 0.01 and 0 < (~weak).mean() < 0.8


def test_hue_and_saturation_keep_the_luma_and_turn_or_scale_the_chroma() -> None:
    luma = np.array([0.299, 0.587, 0.114])
    image = np.broadcast_to(0.5 + 0.2 * (COLOR - 0.4), (2, 2, 3))
    for name in ("hue", "saturation"):
        strengths = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0, name: 0.5}
        made = many(image, jitter=1, **strengths)[:, 0, 0]
        np.testing.assert_allclose(made @ luma, image[0, 0] @ luma, atol=1e-5)
        chroma = made - (made @ luma)[:, None]
        given = image[0, 0] - image[0, 0] @ luma
        along = chroma @ given / (given @ given)
        if name == "saturation":
            np.testing.assert_allclose(chroma, along[:, None] * given, atol=1e-5)
            assert 0.5 <= along.min() < 0.51 and 1.49 < along.max() <= 1.51
        else:
            assert along.min() < -0.9 and along.max() <= 1.001


def test_hue_turns_from_red_to_yellow_to_green() -> None:
    red = np.broadcast_to(np.array([0.6, 0.4, 0.4], np.float32), (2, 2, 3))
    strengths = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 1 / 6}
    made = many(red, jitter=1, **strengths)[:, 0, 0]
    assert np.corrcoef(made[:, 1], -made[:, 2])[0, 1] > 0.95  # green rises as blue falls


def test_solarize_inverts_what_is_light() -> None:
    made = many(RAMP, solarize=0.3)[:, :, 0, 0]
    solarized = made[:, -1] < 0.5
    assert share(solarized, 0.3)
    wanted = np.where(RAMP[:, 0, 0] < 0.5, RAMP[:, 0, 0], 1 - RAMP[:, 0, 0])
    np.testing.assert_allclose(made[solarized], np.tile(wanted, (solarized.sum(), 1)), atol=1e-6)


def test_colours_that_make_no_sense_for_grey_images_are_left_out() -> None:
    image = RAMP[..., :1]
    made = many(image, jitter=1, gray=1, brightness=0, contrast=0, saturation=1, hue=0.5)
    np.testing.assert_allclose(made, np.broadcast_to(image, made.shape), atol=1e-6)


def test_the_two_views_are_drawn_independently() -> None:
    image = np.full((COUNT, 2, 2, 1), 0.25, np.float32)
    change = {"jitter": 1, "brightness": 0.8, "contrast": 0}
    one, other = (view[:, 0, 0, 0] for view in views(image, change, change))
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(COUNT)
    assert abs(one.mean() / other.mean() - 1) < 0.05


def test_presets_hold_their_papers_settings() -> None:
    image = tf.fill((COUNT, 24, 24, 3), 1.0)
    byol = pretext.two_views("byol", second={"jitter": 0})({"image": image}, SEEDS)
    dark = byol["view_2"].numpy().max((1, 2, 3)) < 0.5
    assert share(dark, 0.2)  # white is solarized to black
    still = {**STILL, "sigma": (1.0, 1.0)}
    still.pop("blur")
    images = tf.convert_to_tensor(np.broadcast_to(random_bytes(24, 24, 1), (COUNT, 24, 24, 1)))
    for preset, chances in (("simclr", (0.5, 0.5)), ("byol", (1.0, 0.1)), ("small", (0.0, 0.0))):
        made = pretext.two_views(preset, first=still, second={**still, "solarize": 0})(
            {"image": images}, SEEDS
        )
        for key, chance in zip(("view_1", "view_2"), chances, strict=True):
            changed = np.abs(made[key] - images / 255).max((1, 2, 3)) > 1e-3
            assert share(changed, chance) if 0 < chance < 1 else changed.mean() == chance


def test_image_is_kept_or_left_out() -> None:
    batch = {"image": tf.zeros((4, 8, 8, 3), tf.uint8), "label": tf.range(4)}
    kept = pretext.two_views("small")(batch)
    assert kept["image"] is batch["image"]
    made = pretext.two_views("small", keep=False)(batch)
    assert sorted(made) == ["label", "view_1", "view_2"] and "image" in batch


def test_multi_crop_shows_large_and_small_parts() -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    image = np.broadcast_to(ramp[None, None, :, None], (COUNT // 4, 64, 64, 1))
    changes = {name: STILL | {"scale": None} for name in ("first", "second", "local")}
    for each, scale in (("first", (0.14, 1.0)), ("second", (0.14, 1.0)), ("local", (0.05, 0.14))):
        changes[each] = {**changes[each], "scale": scale}
    crops = pretext.multi_crop("swav", 28, local_count=3, changes=changes)
    made = crops({"image": tf.convert_to_tensor(image)}, SEEDS[: COUNT // 4])
    assert made["local_views"].shape[1:] == (3, 12, 12, 1)  # 96 / 224 of 28
    for key, (low, high) in (("view_1", (0.14, 1.0)), ("local_views", (0.05, 0.14))):
        rows = made[key].numpy().reshape(-1, *made[key].shape[-3:])[:, 0, :, 0]
        size = rows.shape[-1]
        width = (rows[:, -1] - rows[:, 0]) * size / (size - 1)  # share of the image's width
        assert abs(np.square(width).mean() - (low + high) / 2) < 0.05
        assert np.sqrt(low) - 0.05 < width.min() and width.max() < np.sqrt(high) + 0.05
    local = made["local_views"].numpy()
    assert np.abs(local[:, 0] - local[:, 1]).max() > 0.1


def test_exemplar_takes_its_class_from_the_pipeline() -> None:
    dataset = tf.data.Dataset.from_tensor_slices({"image": random_bytes(10, 8, 8, 3)})
    still = pretext.exemplar("small", changes=STILL)
    (batch,) = Pipeline(dataset, [still], batch_size=10).train()
    order = batch["target"].numpy()
    assert sorted(order) == list(range(10)) and list(order) != list(range(10))
    np.testing.assert_allclose(batch["view_1"], random_bytes(10, 8, 8, 3)[order] / 255, atol=2e-5)


def test_the_same_view_whatever_the_batch() -> None:
    images, seeds = random_bytes(128, 15, 13, 3), SEEDS[:128]
    for transform in (
        pretext.two_views("small"),
        pretext.two_views("byol", [20, 9]),
        pretext.multi_crop("dino", 11, 6),
        pretext.patch_grid(5, 3, {"jitter": 0.8, "scale": [0.3, 1.0]}),
    ):
        whole = transform({"image": tf.constant(images)}, seeds)
        for size in (1, 2, 5):
            for start in (0, 77, 128 - size):
                rows = slice(start, start + size)
                part = transform({"image": tf.constant(images[rows])}, seeds[rows])
                for key in part:
                    np.testing.assert_array_equal(part[key], whole[key][rows], err_msg=key)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "simclrr"}, "did you mean 'simclr'"),
        ({"first": {"grays": 0.2}}, "no setting 'grays'; did you mean 'gray'"),
        ({"second": {"gray": 1.2}}, "gray: 1.2 is not a probability"),
        ({"first": {"scale": (0.5, 0.2)}}, "scale: .* is not two fractions"),
        ({"first": {"scale": 0.2}}, "scale: 0.2 is not two fractions"),
        ({"first": {"ratio": (0, 1)}}, "ratio: .* is not two numbers"),
        ({"strength": 3.0}, "hue: 0.6.* is not 0 to 0.5"),
        ({"strength": -1.0}, "brightness: -0.8 is not 0 or more"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.two_views(**settings)


def test_more_wrong_settings_are_named() -> None:
    with pytest.raises(UserError, match="changes of 'locals'; did you mean 'local'"):
        pretext.multi_crop(changes={"locals": {}})
    with pytest.raises(UserError, match="local_count is 0; for none there is two_views"):
        pretext.multi_crop(local_count=0)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (tf.zeros((2, 8, 8, 4)), "1 channel .* or 3"),
        (tf.zeros((2, 8, 8, 3), tf.int32), "not int32: put to_float before it"),
    ],
)
def test_wrong_images_are_named(image: tf.Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.two_views()({"image": image})
    with pytest.raises(UserError, match=r"size \[1, 1\] is not"):
        pretext.two_views(size=1)({"image": tf.zeros((2, 8, 8, 3))})


def test_images_of_unknown_size_are_refused() -> None:
    spec = {"image": tf.TensorSpec((None, None, None, 3), tf.uint8)}
    dataset = tf.data.Dataset.from_generator(lambda: iter([]), output_signature=spec)
    with pytest.raises(UserError, match="one known size"):
        dataset.map(pretext.two_views())
