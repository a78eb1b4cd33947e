"""Pascal VOC: an XML file for each image, which counts pixels from 1, the last one included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from kssl.data.boxes.marked import Annotation, Object
from kssl.data.description import warn_once
from kssl.data.files.folder import readable
from kssl.data.files.walk import find
from kssl.data.splitting import SPLIT_WORDS
from kssl.errors import UserError

_LISTS = {"train": "train", "val": "validation", "test": "test", "trainval": "trainval"}


def read_voc(folder: Path, files: Sequence[Path]) -> dict[str, list[Annotation]]:
    """Read XML files, by split: of lists in `ImageSets/Main`, else by folders that are called so.

    The image of a file has its name with another ending, beside it or in another folder, such as
    `JPEGImages` beside `Annotations`; else it is what `<filename>` says.

    Args:
        folder: Where images are looked for, too.
        files: The XML files.

    Returns:
        Split -> annotations; `{"": …}` where nothing says the splits.

    Raises:
        UserError: A file is broken, an image is not there, or a list names what is not.
    """
    images: dict[str, list[Path]] = {}
    for image in find(folder, readable()).files:
        images.setdefault(image.stem, []).append(image)
    read = {file: _annotation(file, images) for file in files}
    known = {file: each for file, each in read.items() if each is not None}
    if others := [file.name for file in files if file not in known]:
        warn_once(f"{folder}: {len(others)} XML files are no annotations, such as {others[0]}")
    used = {each.image for each in known.values()}
    bare = sorted({image for same in images.values() for image in same} - used)
    if bare:
        warn_once(
            f"{folder}: {len(bare)} images have no XML file and are left out, such as "
            f"{bare[0].name}; an image without objects has one without <object>"
        )
    return _by_lists(folder, known) or _by_folders(folder, known)


def _annotation(file: Path, images: dict[str, list[Path]]) -> Annotation | None:
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise UserError(f"{file} is no XML: {error}") from error
    if root.tag != "annotation":
        return None
    size = _whole(root, "size/width"), _whole(root, "size/height")
    objects = tuple(_object(file, each) for each in root.findall("object"))
    image = _image(file, root.findtext("filename", "").strip(), images)
    return Annotation(image, str(file), objects, size if min(size) > 0 else None)


def _object(file: Path, each: ElementTree.Element) -> Object:
    name = each.findtext("name", "").strip()
    try:
        if not name:
            raise ValueError("it has no name")
        said = [each.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        if None in said:
            raise ValueError("it has no bndbox of xmin, ymin, xmax and ymax")
        left, top, right, bottom = (float(number) for number in said if number is not None)
        difficult = float(each.findtext("difficult", "0") or 0) > 0
    except ValueError as error:
        raise UserError(f"{file}: the object {name!r} cannot be read: {error}") from error
    return Object(name, (left - 1, top - 1, right, bottom), difficult)


def _whole(root: ElementTree.Element, path: str) -> int:
    text = root.findtext(path, "0").strip()
    return int(text) if text.isdecimal() else 0  # some tools leave it empty


def _image(file: Path, named: str, images: dict[str, list[Path]]) -> Path:
    same = images.get(file.stem) or images.get(Path(named.replace("\\", "/")).stem) or []
    nearer = [each for each in same if each.parent == file.parent]
    nearer = nearer or [each for each in same if file.parent.parent in each.parents] or same
    if len(nearer) > 1:
        nearer = [each for each in nearer if each.name == named] or nearer
    if len(nearer) > 1:
        told = " and ".join(str(each) for each in nearer[:3])
        raise UserError(f"{file}: its image may be {told}: leave one, or say it in <filename>")
    if not nearer:
        raise UserError(
            f"{file}: there is no image {named or file.stem + '.*'} beside it or in a folder of "
            "images such as JPEGImages: add it, or take the file out"
        )
    return nearer[0]


def _by_lists(folder: Path, known: dict[Path, Annotation]) -> dict[str, list[Annotation]]:
    stems = {file.stem: each for file, each in known.items()}
    splits: dict[str, list[Annotation]] = {}
    lists = [each for each in find(folder, (".txt",)).files if each.parent.name == "Main"]
    for path in lists:
        if path.parent.parent.name != "ImageSets" or path.stem not in _LISTS:
            continue
        names = [line.split()[0] for line in path.read_text("utf-8").splitlines() if line.strip()]
        missing = [name for name in names if name not in stems]
        if missing:
            raise UserError(
                f"{path} names {missing[0]}, and there is no {missing[0]}.xml"
                f"{f' (nor of {len(missing) - 1} others)' if len(missing) > 1 else ''}: add it, or "
                "take the line out"
            )
        splits.setdefault(_LISTS[path.stem], []).extend(stems[name] for name in names)
    both = splits.pop("trainval", [])
    held = {each.image for each in splits.get("validation", [])}
    if both and "train" not in splits:
        splits["train"] = [each for each in both if each.image not in held]
    return {split: found for split, found in splits.items() if found}


def _by_folders(folder: Path, known: dict[Path, Annotation]) -> dict[str, list[Annotation]]:
    splits: dict[str, list[Annotation]] = {}
    for file, each in known.items():
        words = [SPLIT_WORDS.get(part.lower(), "") for part in file.relative_to(folder).parts[:-1]]
        splits.setdefault(next(filter(None, words), ""), []).append(each)
    if len(splits) > 1 and "" in splits:
        raise UserError(
            f"{folder}: {len(splits[''])} XML files are in no folder of a split, such as "
            f"{splits[''][0].source}, beside {', '.join(sorted(filter(None, splits)))}: move them"
        )
    return splits
