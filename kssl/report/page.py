"""The report of a run: one self-contained HTML file made from the run directory alone."""

from __future__ import annotations

import base64
import csv
import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from kssl.report import words

_ARROWS = {"higher": "↑ higher is better", "lower": "↓ lower is better"}


def write(run: Any) -> Path:
    """Make `report.html` from what the run directory holds at this moment.

    Works for a run that is still going on, was interrupted or has failed: what is missing is left
    out and the page says what state the run is in. All pictures are inline; the page loads nothing.

    Args:
        run: The run directory (`kssl.runs.directory.Run`).

    Returns:
        The path of the page.

    Example:
        >>> kssl.report.write(kssl.runs.directory.Run.open("vae_mnist/1"))
        PosixPath('runs/vae_mnist/1/report.html')
    """
    folder = Path(__file__).parent
    engine = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text = engine.get_template("page.html").render(facts(run))
    run.write_text("report.html", text)
    return run.file("report.html")


def facts(run: Any) -> dict[str, Any]:
    """Everything that the page says, as plain values."""
    environment = _json(run, "environment.json", {})
    results = _json(run, "results.json", {})
    drawn = _json(run, "figures/figures.json", [])
    return {
        "name": run.name,
        "status": run.status,
        "message": str(run.record.get("message") or ""),
        "glance": _glance(run, environment),
        "stand_in": _stand_in(environment, results),
        "results": _results(results.get("results", [])),
        "warnings": [str(text) for text in _json(run, "warnings.json", [])],
        "skipped": [str(reason) for reason in results.get("skipped", [])],
        "figures": [figure for entry in drawn if (figure := _figure(run, entry))],
        "failed_figures": [entry for entry in drawn if entry.get("error")],
        "recipe": _text(run, "recipe.yaml"),
        "environment": _flattened(environment),
        "has_model": run.file("model.keras").is_file(),
    }


def _text(run: Any, name: str) -> str:
    path = run.file(name)
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _json(run: Any, name: str, default: Any) -> Any:
    """The content of a JSON file; `default` when it is missing, damaged or of another type."""
    try:
        content = json.loads(_text(run, name))
    except ValueError:
        return default
    return content if isinstance(content, type(default)) else default


def _glance(run: Any, environment: dict[str, Any]) -> list[tuple[str, str]]:
    record = run.record
    data = environment.get("data")
    data = data if isinstance(data, dict) else {}
    epochs = _epochs(run)
    rows = [
        ("Data", _short(data.get("used"))),
        ("Labels", "trained on labels" if data.get("labels_in_training") else ""),
        ("Epochs", str(epochs) if epochs else ""),
        ("Time", duration(record.get("seconds"))),
        ("Started", _moment(record.get("started"))),
        ("Parameters", _count(environment.get("parameters"))),
        ("Backend", _backend(environment)),
    ]
    return [(name, value) for name, value in rows if value]


def _short(name: Any) -> str:
    """The last part of a data set's name: `kssl.data.sources.tfds:mnist` is mnist to a reader."""
    return str(name or "").rsplit(":", 1)[-1].rsplit(".", 1)[-1]


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _backend(environment: dict[str, Any]) -> str:
    found = [_scalar(environment.get(name)) for name in ("backend", "devices")]
    return " on ".join(filter(None, found))


def _epochs(run: Any) -> int:
    return sum(1 for _ in csv.DictReader(_text(run, "metrics.csv").splitlines()))


def _metrics(run: Any) -> list[str]:
    """The names of what was measured after each epoch."""
    return next(csv.reader(_text(run, "metrics.csv").splitlines()), [])


def _moment(text: Any) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")
    except (TypeError, ValueError):
        return ""


def duration(seconds: Any) -> str:
    """Return seconds as text.

    Example:
        >>> duration(3725.2)
        '1 h 2 min'
    """
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds <= 0:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _stand_in(*sources: dict[str, Any]) -> dict[str, str] | None:
    for source in sources:
        data = source.get("data")
        if isinstance(data, dict) and (found := words.stand_in(data)):
            names = {key: _short(name) for key, name in found.items()}
            return {**names, "reason": str(data.get("reason") or "")}
    return None


def _results(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cards; bars of one metric are on one scale, those of an accuracy on that of 0 to 1."""
    full: dict[str, float] = {}
    for result in results:
        metric = str(result.get("metric"))
        finite = [value for value in _numbers(result).values() if _is_finite(value)]
        least = 1.0 if metric.startswith("accuracy") else 0.0
        full[metric] = max([least, full.get(metric, 0.0), *finite])
        if min(finite, default=0.0) < 0:
            full[metric] = math.inf  # a bar has no negative length
    names = words.labels(results)
    return [
        _result(result, name, full[str(result.get("metric"))])
        for name, result in zip(names, results, strict=True)
    ]


def _numbers(result: dict[str, Any]) -> dict[str, Any]:
    return {words.OWN: result.get("value"), **result.get("baselines", {})}


def _result(result: dict[str, Any], name: str, full: float) -> dict[str, Any]:
    numbers = _numbers(result)
    higher = result.get("better") == "higher"
    finite = [value for value in numbers.values() if _is_finite(value)]
    best = (max if higher else min)(finite) if finite else None
    bars = bool(finite) and 0 < full < math.inf
    rows = [
        {
            "name": words.written(each),
            "meaning": words.meaning(each, words.BASELINES),
            "trained": each == words.OWN,
            "value": number(value, str(result.get("metric"))),
            "best": value == best and best is not None,
            "bar": round(100 * value / full, 1) if bars and _is_finite(value) else 0,
        }
        for each, value in sorted(numbers.items(), key=lambda pair: _order(pair[1], higher))
    ]
    return {
        "name": name,
        "metric": result.get("metric", ""),
        "direction": _ARROWS.get(str(result.get("better")), ""),
        "rows": rows,
        "bars": bars,
        "note": result.get("note", ""),
        "settings": [
            (words.written(key), _scalar(value))
            for key, value in result.get("settings", {}).items()
        ],
    }


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _order(value: Any, higher: bool) -> tuple[bool, float]:
    if not _is_finite(value):
        return (True, 0.0)
    return (False, -value if higher else value)


def number(value: Any, metric: str = "") -> str:
    """A number as text: accuracies in percent, the rest with four digits.

    Example:
        >>> number(0.9714, "accuracy"), number(94.8317), number(12345.6)
        ('97.14 %', '94.83', '12,346')
    """
    if not _is_finite(value):
        return "not finite"
    if metric.startswith("accuracy"):
        return f"{100 * value:.2f} %"
    digits = 3 - math.floor(math.log10(abs(value))) if value else 3
    if digits > 7:
        return f"{value:.3e}"
    return f"{value:,.{max(digits, 0)}f}"


def _figure(run: Any, entry: dict[str, Any]) -> dict[str, Any] | None:
    # Only a plain name within figures/ is read: a record is no licence to inline other files.
    name = Path(str(entry.get("file") or "")).name
    path = run.file("figures") / name
    linked = path.is_symlink() or path.parent.is_symlink()  # it may lead anywhere
    if not name.endswith((".png", ".txt")) or linked or not path.is_file():
        return None
    if name.endswith(".txt"):
        title, caption = entry.get("title", name), entry.get("caption", "")
        return {"title": title, "caption": caption, "text": path.read_text("utf-8")}
    picture, dark = path.read_bytes(), path.with_suffix(".dark.png")
    return {
        "title": entry.get("title", name),
        "caption": entry.get("caption", ""),
        "source": _inline(picture),
        "terms": words.explained(_metrics(run)) if name == "curves.png" else [],
        "dark": _inline(dark.read_bytes()) if dark.is_file() else "",
        # a PNG's header holds its size: with it the page does not jump while it loads
        "width": int.from_bytes(picture[16:20], "big"),
        "height": int.from_bytes(picture[20:24], "big"),
    }


def _inline(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_scalar(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_scalar(inner) for inner in value)
    return str(value)


def _flattened(content: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in content.items():
        if isinstance(value, dict):
            rows += _flattened(value, f"{prefix}{name} · ")
        else:
            rows.append((f"{prefix}{name}".replace("_", " "), _scalar(value)))
    return [(name, value) for name, value in rows if value]
