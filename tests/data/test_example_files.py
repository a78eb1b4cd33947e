"""What transforms are shown on where there is nothing of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kssl.data import audio, captions, tabular, video
from kssl.data.example_files import EXAMPLE_FILES, make_example
from kssl.errors import UserError
from kssl.recipe.examples import EXAMPLES, FILES
from kssl.tokenizers import load_vocabulary


def test_every_file_that_an_example_names_can_be_made(tmp_path: Path) -> None:
    assert set(FILES) == set(EXAMPLE_FILES)
    for name in FILES:
        assert any(name in "".join(example) for example in EXAMPLES.values()), name
        make_example(name, tmp_path)
    assert audio("train", str(tmp_path / "sounds"), 4000).element_spec["audio"].shape == (4000,)
    assert video("test", str(tmp_path / "clips.npz")).cardinality() >= 1
    assert tabular("train", path=str(tmp_path / "animals.csv")).element_spec["numeric"].shape == (
        1,
    )
    assert "captions" in captions("train", str(tmp_path / "captions.jsonl")).element_spec
    assert load_vocabulary(tmp_path / "vocabulary.json").size == 4000
    with pytest.raises(UserError, match="there is no example 'sound'; did you mean 'sounds'"):
        make_example("sound", tmp_path)
