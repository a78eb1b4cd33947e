"""What is special to the parts of this package."""

from __future__ import annotations

import pytest

pytest.importorskip("kssl_example", reason="needs: pip install -e plugins/kssl-example")

import numpy as np
from click.testing import CliRunner
from kssl_example.command import ring
from kssl_example.images import RADII, draw, occlude, rings
from kssl_example.linear import LogCosh

import kssl


def test_an_image_follows_from_its_index_alone() -> None:
    np.testing.assert_array_equal(draw([7], 16)[0][0], draw(range(10), 16)[0][7])


def test_larger_labels_are_larger_rings() -> None:
    images, labels = draw(range(300), 32)
    means = [images[labels == label].mean() for label in range(len(RADII))]
    assert means == sorted(means)


def test_occlude_hides_one_square_and_keeps_the_target() -> None:
    image = np.ones((20, 10, 12, 1), "float32")
    result = occlude(size=4)({"image": image})
    hidden = np.asarray(result["image"]) == 0
    assert (hidden.sum(axis=(1, 2, 3)) == 16).all()
    assert (hidden.any(axis=2).sum(axis=1) == 4).all()
    np.testing.assert_array_equal(result["target"], image)


def test_log_cosh_is_half_the_square_when_small_and_absolute_when_large() -> None:
    zero = np.zeros((1, 1), "float32")
    assert float(LogCosh()(zero, zero + 0.01)) == pytest.approx(0.5e-4, rel=1e-2)
    assert float(LogCosh()(zero, zero + 1000)) == pytest.approx(1000 - np.log(2), rel=1e-6)


def test_the_parts_are_listed_with_their_owner() -> None:
    for kind, name in (("datasets", "rings"), ("transforms", "occlude"), ("losses", "log_cosh")):
        assert kssl.plugins.offered(kind)[name].owner == "example"


def test_the_command_draws_a_ring() -> None:
    result = CliRunner().invoke(ring, ["3", "--size", "12"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len(lines) == 12 and any("##" in line for line in lines)


def test_a_split_that_does_not_exist_is_named() -> None:
    with pytest.raises(kssl.errors.UserError, match="'trian'.*did you mean 'train'"):
        rings("trian")
