"""Where files are looked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kssl.data.locate import find_file
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


def test_a_file_in_a_folder_is_found_one_folder_below_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSSL_DATA_DIR", str(tmp_path))
    (tmp_path / "text" / "news").mkdir(parents=True)
    file = tmp_path / "text" / "news" / "train.csv"
    file.touch()
    assert find_file("news/train.csv") == find_file("text/news/train.csv") == file
    for name in ("train.csv", "news", "news/*.csv"):  # a lone name, or a pattern, is none of these
        with pytest.raises(UserError, match=f"there is no '{name.replace('*', '.')}'"):
            find_file(name)
    (tmp_path / "old" / "news").mkdir(parents=True)
    (tmp_path / "old" / "news" / "train.csv").touch()
    with pytest.raises(UserError, match="may be .*old/news/train.csv and .*text/news/train.csv"):
        find_file("news/train.csv")
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "train.csv").touch()
    assert find_file("news/train.csv") == tmp_path / "news" / "train.csv"


def test_a_missing_file_names_where_and_what_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSSL_DATA_DIR", str(tmp_path))
    (tmp_path / "faces.npz").touch()
    with pytest.raises(UserError) as caught:
        find_file("face.npz")
    assert str(tmp_path / "face.npz") in str(caught.value)
    assert "did you mean 'faces.npz'" in str(caught.value)
