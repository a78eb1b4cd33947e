"""Where files are looked for, and how examples are shared out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kssl.data.locate import check_split, find_file, piece, shuffled, sizes
from kssl.errors import UserError


def test_the_room_is_imported_without_tensorflow_or_keras() -> None:
    code = "import sys, kssl.data; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_are_found_here_then_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, data = tmp_path / "here", tmp_path / "data"
    for folder in (here, data):
        folder.mkdir()
    (data / "faces.npz").touch()
    monkeypatch.chdir(here)
    monkeypatch.delenv("KSSL_DATA_DIR", raising=False)
    with pytest.raises(UserError, match="KSSL_DATA_DIR names another folder"):
        find_file("faces.npz")
    monkeypatch.setenv("KSSL_DATA_DIR", str(data))
    assert find_file("faces.npz") == data / "faces.npz"
    (here / "faces.npz").touch()
    assert find_file("faces.npz") == here / "faces.npz"
    assert find_file(data / "faces.npz") == data / "faces.npz"


def test_a_missing_file_names_where_and_what_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSSL_DATA_DIR", str(tmp_path))
    (tmp_path / "faces.npz").touch()
    with pytest.raises(UserError) as caught:
        find_file("face.npz")
    assert str(tmp_path / "face.npz") in str(caught.value)
    assert "did you mean 'faces.npz'" in str(caught.value)


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(UserError, match="no split 'trian'; did you mean 'train'"):
        check_split("trian")


@pytest.mark.parametrize("count", [3, 4, 10, 1000])
def test_each_split_gets_its_share_and_at_least_one(count: int) -> None:
    parts = sizes(count, validation=0.1, test=0.2)
    assert sum(parts.values()) == count and min(parts.values()) >= 1
    if count >= 10:
        assert parts["validation"] == count // 10 and parts["test"] == count // 5


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="validation=0.5 and test=0.5"):
        sizes(100, validation=0.5, test=0.5)
    with pytest.raises(UserError, match="at least 3 are needed"):
        sizes(2, validation=0.1, test=0.1)


def test_pieces_are_disjoint_complete_and_stratified() -> None:
    labels = np.repeat([0, 1, 2, 3], [400, 200, 100, 20])
    parts = sizes(720, validation=0.1, test=0.25)
    order = shuffled(720, labels)
    pieces = {split: piece(order, parts, split) for split in parts}
    assert sorted(np.concatenate(list(pieces.values()))) == list(range(720))
    for chosen in pieces.values():
        expected = np.bincount(labels) * len(chosen) / 720
        assert np.abs(np.bincount(labels[chosen], minlength=4) - expected).max() <= 1.5
