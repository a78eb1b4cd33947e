"""Folders and files as people have them: every row of docs/layouts.md is made and read."""

from __future__ import annotations

import bz2
import itertools
import json
import logging
import lzma
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kssl.data.files.folder import EXTENSIONS, read_folder, split_files
from kssl.data.files.walk import find
from kssl.data.locate import Unavailable
from kssl.data.text.corpus import open_corpus
from kssl.data.text.files import corpus_files
from kssl.data.text.reader import Troubles, read_documents
from kssl.errors import UserError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "layouts.md"
KINDS = (*EXTENSIONS, ".wav", ".flac", ".avi")


def rows(anchor: str) -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"#{anchor} }}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def expanded(pattern: str) -> Iterator[str]:
    """`{a,b}/1…2.jpg` is four files."""
    parts = re.split(r"(\{[^}]*\}|\d+…\d+)", pattern)
    choices: list[list[str]] = []
    for part in parts:
        if part.startswith("{"):
            choices.append(part[1:-1].split(","))
        elif "…" in part:
            first, last = map(int, part.split("…"))
            choices.append([str(number) for number in range(first, last + 1)])
        else:
            choices.append([part])
    return ("".join(each) for each in itertools.product(*choices))


def make(folder: Path, given: str) -> None:
    for pattern in given.strip("`").split():
        if "→" in pattern:
            name, target = pattern.split("→")
            (folder / name).symlink_to(target, target_is_directory=True)
            continue
        if "⊃" in pattern:
            name, _, listed = pattern.partition("⊃")
            lines = [line for part in listed.split("+") for line in expanded(part)]
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("\n".join(lines).replace("▁", " "))
            continue
        for name in expanded(pattern):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content(name), encoding="utf-8")


def content(name: str) -> str:
    lines = [f"text of {name} {number}" for number in range(8)]
    if name.endswith(".jsonl"):
        return "\n".join(f'{{"text": "{line}"}}' for line in lines)
    return "\n".join(["text", *lines]) if name.endswith((".csv", ".tsv")) else lines[0]


def summary(splits: dict[str, int]) -> str:
    order = [split for split in ("train", "validation", "test") if split in splits]
    return ", ".join(f"{split} {splits[split]}" for split in order) or "by a hash"


@pytest.mark.parametrize(("given", "splits", "classes", "said"), rows("files"))
def test_files(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    given: str,
    splits: str,
    classes: str,
    said: str,
) -> None:
    make(tmp_path, given)
    if splits == "refused":
        with pytest.raises(UserError) as refused:
            read_folder(tmp_path, extensions=KINDS)
        assert (
            said in str(refused.value)
            and re.search("Name the folders|as the path|beside each other", str(refused.value))
            or "link" in said
        )
        return
    with caplog.at_level(logging.WARNING, "kssl"):
        folder = read_folder(tmp_path, extensions=KINDS)
        told = folder.told()
    own = {split: len(files) for split, files in folder.layout.splits.items()}
    assert summary(own) == splits
    assert ", ".join(folder.classes("auto") or ["none"]) == classes
    assert said in "\n".join([*told, caplog.text]) and len(told) == 3
    every = [file for files in folder.splits.values() for file in files]
    assert len(every) == len(set(every)) and all(folder.splits.values())
    if not said:
        assert not caplog.text and "left out" not in told[0]


@pytest.mark.parametrize(("given", "splits", "classes", "said"), rows("texts"))
def test_texts(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    given: str,
    splits: str,
    classes: str,
    said: str,
) -> None:
    make(tmp_path, given)
    if splits == "refused":
        with pytest.raises(UserError, match=said):
            corpus_files(str(tmp_path), by_folder=True)
        return
    with caplog.at_level(logging.WARNING, "kssl"):
        corpus = open_corpus(str(tmp_path))
    files = corpus_files(str(tmp_path), by_folder=True)
    own = {split: len(pool) for split, pool in files.pools.items() if split != "all"}
    assert summary(own) == splits
    assert ", ".join(corpus.names or ["none"]) == classes
    assert said in "\n".join([*corpus.found, caplog.text])
    for split in own:  # no text of another split
        inside = {"train": "train", "validation": "valid|dev", "test": "test"}[split]
        texts = [document.text for document in corpus.documents(split)]
        assert texts and all(re.match(rf"text of \S*({inside})", text) for text in texts)


def test_a_file_in_two_lists_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "{a,b}/1…6.wav testing_list.txt⊃a/1…2.wav validation_list.txt⊃a/2…3.wav")
    with pytest.raises(
        UserError, match="a/2.wav is in test by testing_list.txt, and in validation"
    ):
        read_folder(tmp_path, extensions=KINDS)


def test_unlabelled_files_are_trained_on_without_labels(tmp_path: Path) -> None:
    make(tmp_path, "train/{cat,dog}/1…6.jpg test/{cat,dog}/1…3.jpg unlabeled/1…5.jpg")
    folder = read_folder(tmp_path, labels=False)
    assert len(folder.layout.splits["train"]) == 17 and folder.classes(False) is None
    make(tmp_path / "texts", "{train,test}/{pos,neg}/1…5.txt train/unsup/1…9.txt")
    corpus = open_corpus(str(tmp_path / "texts"), label=False)
    assert len(corpus.pools["train"]) == 19 and not corpus.names
    assert "label is false" in corpus.found[2]


def test_a_path_that_exists_is_no_pattern(tmp_path: Path) -> None:
    make(tmp_path, "news[1]/1…3.txt news1/1…4.txt what*/1…3.txt")
    for name, count in (("news[1]", 3), ("what*", 3), ("news?", 4), ("news[1]*/*.txt", 4)):
        files = corpus_files(f"{tmp_path}/{name}{'/*' if name == 'news?' else ''}", True)
        assert len(files.pools["all"]) == count
    make(tmp_path, ".git/1…3.txt")
    assert len(corpus_files(f"{tmp_path}/**/*.txt", True).pools["all"]) == 10
    assert len(corpus_files(f"{tmp_path}/.git/*.txt", True).pools["all"]) == 3
    with pytest.raises(Unavailable, match="found: no files at all"):
        corpus_files(f"{tmp_path}/none*", True)


def test_links_do_not_run_in_circles(tmp_path: Path) -> None:
    make(tmp_path, "a/1…2.jpg b/1…2.jpg a/up→.. a/b→../b b/a→../a")
    assert len({find(tmp_path, EXTENSIONS).real(f) for f in find(tmp_path, EXTENSIONS).files}) == 4
    assert sum(map(len, read_folder(tmp_path).splits.values())) == 4


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_folders_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    make(tmp_path, "{cat,dog,cow}/1…6.jpg")
    (tmp_path / "cow").chmod(0)
    try:
        assert "1 folders that cannot be read (cow)" in read_folder(tmp_path).told()[0]
    finally:
        (tmp_path / "cow").chmod(0o755)


def test_links_of_films_are_seen_too(tmp_path: Path) -> None:
    make(tmp_path, "train/a/1…3.png test/b/1…3.png val→test")
    films = [tmp_path / name for name in ("train/a", "test/b", "val/b")]
    with pytest.raises(UserError, match="cannot be split"):  # one film: no notes before that
        split_files(tmp_path, films[:2], (0.1, 0.1), "films")
    assert "in common" in split_files(tmp_path, films, (0.1, 0.1), "films").layout.notes[0]


@pytest.mark.parametrize("name", ["a.json", "lines.json", "a.jsonl.xz", "a.jsonl.bz2", "utf16.txt"])
def test_formats_of_text_that_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    records = [{"text": f"Ärger {number}"} for number in range(5)]
    lines = "\n".join(json.dumps(each) for each in records)
    content = (json.dumps(records, indent=1) if name == "a.json" else lines).encode()
    pack = {".xz": lzma.compress, ".bz2": bz2.compress}.get(Path(name).suffix, bytes)
    (tmp_path / name).write_bytes(
        "Ärger 1\nÄrger 2".encode("utf-16") if "utf" in name else pack(content)
    )
    with caplog.at_level(logging.WARNING, "kssl"):
        texts = [each.text for each in read_documents(tmp_path / name, None, None, Troubles("x"))]
    assert texts == (["Ärger 1\nÄrger 2"] if "utf" in name else [each["text"] for each in records])


def test_formats_of_text_that_are_refused_or_named(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(UserError, match=".pdf is not read as text; convert it"):
        open_corpus(str(tmp_path / "a.pdf"))
    make(tmp_path, "1…5.txt")
    with pytest.raises(UserError, match="no fields or columns, so there is no field body"):
        open_corpus(str(tmp_path), field="body")
    (tmp_path / "b.txt").write_bytes(b"a\0b")
    troubles = Troubles("x")
    list(read_documents(tmp_path / "b.txt", None, None, troubles))
    assert "lines with NUL characters, which are of no text in UTF-8" in troubles.counts


def test_what_is_unpacked_twice_is_read_once(tmp_path: Path) -> None:
    """Copies in train and in a held-out split would be trained on and measured on."""
    for outer in ("", "audio_speech_actors/"):
        for name in expanded("{sad,glad}/{a,b,c}.wav"):
            file = tmp_path / outer / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"sound of {name}", encoding="utf-8")
    folder = read_folder(tmp_path, extensions=KINDS)
    assert folder.classes() == ["glad", "sad"] and sum(map(len, folder.splits.values())) == 6
    assert "left out: 6 copies of other files (audio_speech_actors" in folder.told()[0]


@pytest.mark.parametrize("copy", ["1 (1).jpg", "1 - Copy.jpg", "1_copy.jpg", "Copy of 1.jpg"])
def test_a_copy_of_a_file_is_told_by_name_and_content(tmp_path: Path, copy: str) -> None:
    make(tmp_path, "{cat,dog}/1…6.jpg")
    (tmp_path / "cat" / copy).write_bytes((tmp_path / "cat" / "1.jpg").read_bytes())
    (tmp_path / "dog" / copy).write_text("another picture", encoding="utf-8")
    folder = read_folder(tmp_path)
    names = [folder.name_of(file) for file in sum(folder.splits.values(), [])]
    assert f"cat/{copy}" not in names and f"dog/{copy}" in names and "cat/1.jpg" in names


def test_a_copy_in_a_held_out_split_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "train/{cat,dog}/1…6.jpg test/{cat,dog}/1…3.jpg")
    copied = (tmp_path / "train" / "cat" / "4.jpg").read_bytes()
    (tmp_path / "test" / "cat" / "4 (1).jpg").write_bytes(copied)
    (tmp_path / "train" / "cat" / "4 (1).jpg").write_bytes(copied)
    read_folder(tmp_path).told()
    assert "1 of 7 files of test are in train too, such as train/cat/4.jpg and" in caplog.text


def test_equal_files_of_train_and_test_are_named_whatever_they_are_called(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "train/{cat,dog}/1…6.jpg test/{cat,dog}/1…3.jpg")
    for number in range(4):
        copied = (tmp_path / "train" / "dog" / f"{number + 1}.jpg").read_bytes()
        (tmp_path / "test" / "dog" / f"new{number}.jpg").write_bytes(copied)
    read_folder(tmp_path).told()
    assert "4 of 10 files of test are in train too, such as train/dog/1.jpg and" in caplog.text


def test_marked_letters_are_found_in_either_form(tmp_path: Path) -> None:
    import unicodedata

    name = "Köln Größe"
    place = tmp_path / unicodedata.normalize("NFD", name)
    for file in ("Ä1.jpg", "ö2.jpg", "ü3.jpg", "é4.jpg"):
        make_one = place / unicodedata.normalize("NFD", file)
        make_one.parent.mkdir(exist_ok=True)
        make_one.write_text(file, encoding="utf-8")
    table = tmp_path / "labels.csv"  # as a German Excel writes it
    table.write_text("file;label\nÄ1.jpg;a\nö2.jpg;b\nü3.jpg;a\né4.jpg;b\n", encoding="utf-8")
    from kssl.data.locate import find_file

    found = find_file(tmp_path / unicodedata.normalize("NFC", name))
    assert found == place
    files = find(found, EXTENSIONS).files
    folder = split_files(found, files, (0.25, 0.25), "images", labels=str(table))
    assert sorted(folder.class_of(file) for file in files) == ["a", "a", "b", "b"]


def test_a_header_says_what_sets_fields_apart(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    lines = [f"a text, with commas {n};{'ab'[n % 2]}" for n in range(8)]
    path.write_text("\n".join(["text;label", *lines]), encoding="utf-8")
    documents = list(read_documents(path, "text", "label", Troubles("the news")))
    assert [each.text for each in documents] == [line.partition(";")[0] for line in lines]
    assert {each.label for each in documents} == {"a", "b"}
