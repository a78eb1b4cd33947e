"""Opening a data set of tensorflow-datasets: prepared, else downloaded, else a quick error."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from kssl.data.builders.splits import quiet
from kssl.data.locate import Unavailable, note, noted
from kssl.errors import UserError, first_line, nearest

PATIENCE = 3.0  # seconds for a server to answer; tensorflow-datasets would retry for minutes

_NAME = re.compile(r"(?P<set>\w+)(/(?P<config>[\w.\-+]+))?(:(?P<version>[\d.*]+))?")


def builder_of(name: str, data_dir: str | None = None) -> Any:
    """Return a builder whose data is on this machine, downloading it if need be.

    Args:
        name: `set`, `set/config`, `set:version` or `set/config:version`.
        data_dir: First folder to look in.

    Raises:
        Unavailable: It is not prepared and cannot be downloaded.
        UserError: There is no such data set.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UserError(
            f"'{name}' is not a name of tensorflow-datasets: write set, set/config or set:version"
        )
    folders = places(data_dir)
    inside = [place for folder in folders for place in (folder, folder / "tfds")]
    copies = (_prepared(place, match) for place in inside)
    with quiet():
        import tensorflow_datasets

        found = noted(f"tfds: {name}") or next(filter(None, copies), None)
        if found is None:
            builder = _download(name, match["set"], folders)
            found = Path(builder.data_path)
        else:
            builder = tensorflow_datasets.builder_from_directory(found)
        note(f"tfds: {name}", found)
        return builder


def places(data_dir: str | None = None) -> list[Path]:
    """The folders in which prepared data sets are looked for, and in their `tfds`, in order."""
    named = [data_dir, os.environ.get("KSSL_DATA_DIR"), os.environ.get("TFDS_DATA_DIR")]
    folders = [Path(folder).expanduser() for folder in named if folder]
    folders.append(Path.home() / "tensorflow_datasets")
    return list(dict.fromkeys(folders))


def holds_prepared(folder: Path, name: str) -> bool:
    """Whether a folder holds a prepared copy of a data set."""
    match = _NAME.fullmatch(name)
    return match is not None and _prepared(folder, match) is not None


def answers(url: str, patience: float = PATIENCE) -> str | None:
    """Ask a server for its first bytes: None when it answers, else why it does not.

    Proxies from the environment are used. It takes `patience` seconds at most, name resolution
    included.
    """
    outcome = ["no answer within a few seconds"]

    def ask() -> None:
        request = urllib.request.Request(url, headers={"User-Agent": "kssl"})
        try:
            urllib.request.urlopen(request, timeout=patience).close()
            outcome[0] = ""
        except urllib.error.HTTPError as error:
            outcome[0] = f"it answered {error.code} {error.reason}"
        except (OSError, ValueError) as error:
            outcome[0] = str(getattr(error, "reason", error))

    # A thread, because looking up a name knows no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience)
    return outcome[0] or None


def _prepared(folder: Path, match: re.Match[str]) -> Path | None:
    """The folder of the newest prepared version below `folder`, if there is one."""
    start = folder / match["set"]
    if match["config"]:
        start = start / match["config"]
    depths = ("*",) if match["config"] else ("*", "*/*")
    found = [
        info.parent for depth in depths for info in sorted(start.glob(f"{depth}/dataset_info.json"))
    ]
    wanted = match["version"]
    versions = [path for path in found if _version(path) and _fits(path.name, wanted)]
    if not match["config"] and len({path.parent for path in versions}) > 1:
        # The configuration that tensorflow-datasets calls its default is the first one.
        versions = _of_default(start, versions)
    return max(versions, key=_version, default=None)


def _of_default(start: Path, versions: list[Path]) -> list[Path]:
    try:
        noted = json.loads((start / ".config" / "metadata.json").read_text())
        default = noted["default_config_name"]
    except (OSError, ValueError, KeyError):
        default = versions[0].parent.name
    return [path for path in versions if path.parent.name == default]


def _version(path: Path) -> tuple[int, ...]:
    return (
        tuple(map(int, path.name.split("."))) if re.fullmatch(r"\d+\.\d+\.\d+", path.name) else ()
    )


def _fits(version: str, wanted: str | None) -> bool:
    if wanted is None:
        return True
    asked = wanted.split(".")
    return all(w in ("*", v) for w, v in zip(asked, version.split("."), strict=False))


def _download(name: str, set_name: str, folders: list[Path]) -> Any:
    """Download and prepare, after checking within seconds that the server can be reached."""
    import tensorflow_datasets

    looked = ", ".join(str(folder) for folder in folders)
    advice = (
        f"No prepared copy was found in {looked}, or in tfds/ there. Point to one with --data-dir "
        "or TFDS_DATA_DIR, or let the recipe use another data set when there is none: "
        "data: {…, stand_in: digits}"
    )
    for url in _first_urls(set_name):
        reason = answers(url)
        if reason is not None:
            host = url.split("/")[2]
            raise Unavailable(f"{name} cannot be downloaded from {host}: {reason}. {advice}")
    logging.getLogger("kssl").warning("downloading %s into %s", name, folders[0])
    try:
        builder = tensorflow_datasets.builder(name, data_dir=str(folders[0]))
        builder.download_and_prepare()
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:  # a hundred builders raise what they like
        raise Unavailable(
            f"{name} could not be downloaded and prepared: {type(error).__name__}: "
            f"{first_line(error)}. {advice}"
        ) from error
    return builder


def _first_urls(set_name: str) -> list[str]:
    """One registered download address, to see whether its server answers; none if unknown."""
    import tensorflow_datasets

    try:
        builder_class = tensorflow_datasets.builder_cls(set_name)
    except ValueError as error:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise UserError(
            f"tensorflow-datasets has no data set '{set_name}'{_close(set_name, known)}"
        ) from error
    manual = getattr(builder_class, "MANUAL_DOWNLOAD_INSTRUCTIONS", None)
    if manual:
        raise Unavailable(f"{set_name} must be downloaded by hand: {' '.join(manual.split())}")
    return sorted(builder_class.url_infos or {})[:1]


def _close(name: str, known: list[str]) -> str:
    hint = nearest(name, known)
    return hint if hint.startswith("; did you mean") else f" among its {len(known):,}"
