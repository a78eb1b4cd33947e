"""Two hundred recipes with something wrong in each, always the same."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

TEMPLATE = """\
# A recipe of parts that kssl offers
#   kssl fit r.yaml
seed: 0
backend: tensorflow
precision: float32
data:
  use: digits
pretext:
  - to_float
  - use: noise
    amount: 0.3
model:
  use: autoencoder
  latent_dim: 8
  encoder:
    use: mlp
    units: [64, 32]
    activation: relu
optimizer:
  use: adam
  learning_rate: 1e-3
fit:
  batch_size: 64
  epochs: 2
evaluate:
  - use: knn
"""

# What cannot be right as the value of a key of the template.
WRONG_VALUES = {
    "seed": ["-1", "1.5", "abc", "[]", "99999999999", "true", "{use: mlp}"],
    "backend": ["theano", "3", "[jax]", "Tensorflow"],
    "precision": ["float16", "32", "[float32]"],
    "latent_dim": ["abc", "0", "-3", "2.5", "[8]", "1e400", ".nan", "null", "{use: mlp}", "true"],
    "amount": ["abc", "-1", "[1]", "null", ".inf", "{a: 1}", "true"],
    "units": ["64", "abc", "[a]", "[1.5]", "[[64]]", "[-1]", "[0]", "[]", "{a: 1}", "[null]"],
    "activation": ["[relu]", "3", "no_such_function", "true", "null"],
    "learning_rate": ["abc", "[1]", "true", "{use: no_such_schedule}", "{use: cosine_decay}"],
    "batch_size": ["0", "-1", "1.5", "abc", "null", "[64]", "99999999999999999999"],
    "epochs": ["0", "-1", "1e3", "many", "null"],
    "data": ["3", "[digits]", "null", "{name: digits}", "{use: [digits]}", "{use: null}"],
    "model": ["vaee", "[vae]", "true", "{latent_dim: 3}", "'../../models:vae'", "'os:no_such'"],
    "encoder": ["3", "[mlp]", "{units: [3]}", "{use: digits}", "{use: 'no.such.module:X'}"],
    "optimizer": ["adamm", "3", "[adam]", "{use: adam, rate: 1}"],
    "pretext": ["to_float", "3", "{use: noise}", "[3]", "[[to_float]]", "[null]", "[vae]"],
    "evaluate": ["knn", "[nearest]", "[{use: knn, kk: 3}]", "7"],
    "fit": ["3", "[64]", "{batches: 3}"],
}

DATA = [
    "{use: digits, split: test}",
    "{use: arrays}",
    "{use: arrays, path: no/such/file.npz}",
    "{use: arrays, path: ../../../../no_such/passwd}",
    "{use: arrays, path: 3}",
    "{use: images, path: no_such_folder/}",
    "{use: images, path: [a, b]}",
    "{use: digits, stand_in: [digits]}",
    "{use: digits, stand_in: no_such_data}",
    "{use: digits, stand_in: {use: digits, split: test}}",
    "{use: digits, colour: red}",
]

BYTES = {
    "empty": b"",
    "spaces": b"   \n\n",
    "comment": b"# only a comment\n",
    "list": b"- data\n- model\n",
    "scalar": b"recipe\n",
    "number": b"42\n",
    "null": b"null\n",
    "nul-bytes": b"data: digits\n\x00\x00model: vae\n",
    "binary": bytes(range(256)) * 8,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(range(128, 200)),
    "latin-1": "model: vae # é\n".encode("latin-1"),
    "utf-16": TEMPLATE.encode("utf-16"),
    "utf-16-no-mark": TEMPLATE.encode("utf-16-le"),
    "cut-character": "data: digits\nmodel: vä".encode()[:-1],
    "control": b"data: digits\nmodel: \x1b[31mvae\n",
    "tab": b"data:\n\tuse: digits\nmodel: vae\n",
    "tab-list": b"data: digits\npretext:\n\t- to_float\nmodel: vae\n",
    "tab-after-spaces": b"data:\n  use: digits\n \tsize: 3\nmodel: vae\n",
    "json-cut": b'{"data": "digits", "model": ',
    "two-documents": b"data: digits\nmodel: vae\n---\ndata: digits\n",
    "deep-lists": b"data: " + b"[" * 50_000,
    "deep-maps": b"data: " + b"{a: " * 50_000,
    "deep-indent": b"".join(b" " * i + b"a:\n" for i in range(200)),
    "deep-closed": b"data: digits\nmodel: " + b"[" * 40 + b"]" * 40 + b"\n",
    "aliases": b"a: &a [x,x]\n" + b"".join(
        b"b%d: &b%d [*%s,*%s]\n" % (i, i, *[b"a" if not i else b"b%d" % (i - 1)] * 2)
        for i in range(40)
    ),
    "alias-to-itself": b"data: &a [*a]\nmodel: vae\n",
    "unknown-alias": b"data: *nowhere\nmodel: vae\n",
    "python-tag": b"data: !!python/object/apply:os.system ['true']\nmodel: vae\n",
    "own-tag": b"data: !include secret.yaml\nmodel: vae\n",
    "merge": b"data: digits\nmodel:\n  <<: {use: vae}\n",
    "number-key": b"data: digits\nmodel: vae\n3: 4\n",
    "list-key": b"data: digits\nmodel: vae\n[a]: 4\n",
    "null-key": b"data: digits\nmodel: vae\n~: 4\n",
    "directive": b"%YAML 1.1\n---\ndata: digits\nmodel: vae\n",
    "long-number": b"seed: " + b"9" * 10_000 + b"\ndata: digits\nmodel: vae\n",
    "long-key": b"k" * 3000 + b": 1\ndata: digits\nmodel: vae\n",
    "large": b"data: digits\nmodel: vae\n" + b"# filler\n" * 40_000,
    "unclosed-quote": b"data: 'digits\nmodel: vae\n",
    "colon": b"data: digits: mnist\nmodel: vae\n",
    "indent": b"data:\n  use: digits\n   size: 3\nmodel: vae\n",
    "percent": b"data: %digits\nmodel: vae\n",
    "at": b"data: @digits\nmodel: vae\n",
}  # fmt: skip


def damaged_recipes(count: int = 200) -> dict[str, bytes]:
    """Return what was done to each damaged recipe, and what is then in its file."""
    every = [*_wrong_values(), *_damaged_files(), *_damaged_keys()]
    return {f"{index:03d}-{name}": content for index, (name, content) in enumerate(every[:count])}


def _wrong_values() -> Iterator[tuple[str, bytes]]:
    for key, values in WRONG_VALUES.items():
        for value in values:
            yield f"{key}={value}", _replaced(key, value).encode()
    for value in DATA:
        yield f"data={value}", _replaced("data", value).encode()


def _damaged_files() -> Iterator[tuple[str, bytes]]:
    yield from BYTES.items()


def _damaged_keys() -> Iterator[tuple[str, bytes]]:
    draw = random.Random(0)
    lines = TEMPLATE.splitlines()
    for number, line in enumerate(lines):
        match = re.match(r"( *(?:- )?)(\w+):", line)
        if match is None:
            continue
        start, key = match.groups()
        letter = draw.randrange(len(key))
        wrong = key[:letter] + draw.choice("qxz") + key[letter:]
        misspelt = line.replace(key, wrong, 1)
        yield (
            f"misspelt-{key}",
            "\n".join([*lines[:number], misspelt, *lines[number + 1 :]]).encode(),
        )
        twice = [*lines[:number], f"{start}{key}: 1", *lines[number:]] if "-" not in start else None
        if twice is not None:
            yield f"twice-{key}", "\n".join(twice).encode()
        cut = TEMPLATE[: TEMPLATE.index(line) + len(start)].encode() + b"{"
        yield f"cut-{key}", cut


def _replaced(key: str, value: str) -> str:
    """Return the template with another value for a key, and without what stood below it."""
    lines = TEMPLATE.splitlines()
    number = next(i for i, line in enumerate(lines) if re.match(rf" *(- )?{key}:", line))
    indent = len(lines[number]) - len(lines[number].lstrip())
    end = number + 1
    while end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > indent:
        end += 1
    changed = f"{lines[number].split(':')[0]}: {value}"
    return "\n".join([*lines[:number], changed, *lines[end:]]) + "\n"
