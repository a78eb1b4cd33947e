"""The plan of an atlas: which recipes, on which data, with which seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kssl.errors import UserError, nearest

Cell = tuple[str, str, int]  # recipe with its overrides, name of the data, seed
OWN = "its own"  # the data of a recipe where the plan names none

# Every kind of what has a number on images; on other data the atlas wants a plan.
IMAGES = (
    *("rotation_fashion", "jigsaw_fashion", "simclr_fashion", "moco_fashion", "moco_v3_fashion"),
    *("nnclr_fashion", "instance_fashion", "byol_fashion", "simsiam_fashion", "dino_fashion"),
    *("swav_fashion", "deep_cluster_fashion", "barlow_twins_fashion", "vicreg_fashion"),
    *("deep_cluster_v1_fashion", "lejepa_fashion", "mae_fashion"),
    "counting_fashion",
)


@dataclass(frozen=True)
class Plan:
    """What an atlas holds.

    Attributes:
        recipes: Names or files, each with overrides behind it, with blanks between them.
        data: Name -> what `kssl fit --data` takes; empty leaves each recipe its own.
        seeds: Of each recipe on each data set.
        minutes: Of training for each run; None leaves each recipe its epochs.
        transfer: Evaluations of each run on the other data sets too, such as `linear`.
    """

    recipes: tuple[str, ...]
    data: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    minutes: float | None = None
    transfer: tuple[str, ...] = ()

    def others(self, data: str) -> list[str]:
        """Return the data sets that runs on one are evaluated on too."""
        return [name for name in self.data if name != data] if self.transfer else []

    def cells(self) -> Iterator[Cell]:
        """Return all cells, those of the first seed first."""
        for seed in self.seeds:
            for data in self.data or (OWN,):
                for recipe in self.recipes:
                    yield recipe, data, seed


def read_plan(path: Path) -> Plan:
    """Read a plan, a file in YAML.

    Raises:
        UserError: It is no such file; the message says what is wrong, and how it looks.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"the plan {path} cannot be read: {error}") from error
    known = ("recipes", "data", "seeds", "minutes", "transfer")
    if not isinstance(found, dict) or not found.get("recipes"):
        raise UserError(
            f"the plan {path} must name recipes, such as {{recipes: [simclr_fashion], seeds: [0]}}"
        )
    for key in found:
        if key not in known:
            raise UserError(f"the plan {path} has '{key}'{nearest(str(key), known)}")
    return Plan(
        tuple(map(str, _several(path, found, "recipes"))),
        {str(name): _written(data) for name, data in _named(path, found).items()},
        tuple(_number(path, seed, int) for seed in _several(path, found, "seeds", [0])),
        None if found.get("minutes") is None else _number(path, found["minutes"], float),
        tuple(map(_written, _several(path, found, "transfer"))) if found.get("transfer") else (),
    )


def _several(path: Path, found: Mapping[str, Any], key: str, default: Any = None) -> list[Any]:
    value = found.get(key, default)
    if not isinstance(value, list) or not value:
        raise UserError(f"the plan {path} has {key}: {value!r}; a list is expected, such as [0, 1]")
    return value


def _named(path: Path, found: Mapping[str, Any]) -> Mapping[str, Any]:
    value = found.get("data") or {}
    if not isinstance(value, dict):
        raise UserError(
            f"the plan {path} has data: {value!r}; names are expected, such as "
            "{fashion: {use: fashion_mnist}, own: photos/}"
        )
    return value


def _written(data: Any) -> str:
    """Data as `kssl fit --data` takes it: a name, a place, or YAML on one line."""
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def _number(path: Path, value: Any, kind: type) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UserError(f"the plan {path} has {value!r} where a number is expected")
    return kind(value)
