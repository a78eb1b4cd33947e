"""The findings of a check as tables in Markdown, also where some of them are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Finding = dict[str, Any]
WORKLOADS = {
    "gpt": "GPT step",
    "simclr": "SimCLR step, views on the device",
    "mae": "MAE step",
    "diffusion": "Diffusion step",
    "bert": "BERT step",
}


def tables(findings: Sequence[Finding]) -> str:
    """Return everything that was found; what was not is named at the end."""
    sections = [
        _machine(findings),
        _models(findings),
        _rates(findings),
        _training(findings),
        _changes(findings),
        _unknown(findings),
    ]
    return "\n\n".join(section for section in sections if section)


def failed(findings: Sequence[Finding]) -> list[str]:
    """Return what makes the check fail: a job that did, or losses that differ."""
    wrong = [
        f"{each['model']} in {each['dtype']} differs from the processor by {each['difference']:.2g}"
        for each in _of(findings, "agreement")
        if not each["agrees"]
    ]
    ends = [each for each in _of(findings, "status") if each["status"] in ("failed", "cut off")]
    return wrong + [f"{each['job']}: {each['status']} {each['why']}" for each in ends]


def _of(findings: Iterable[Finding], what: str, job: str | None = None) -> list[Finding]:
    return [each for each in findings if each["what"] == what and job in (None, each["job"])]


def _last(findings: Iterable[Finding], what: str, job: str | None = None) -> Finding | None:
    return (_of(findings, what, job) or [None])[-1]


def _grid(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [" | ".join(row) for row in [head, ["---"] * len(head), *rows]]
    return "\n".join([f"{title}\n", *(f"| {line} |" for line in lines)])


def _machine(findings: Sequence[Finding]) -> str:
    machine = _last(findings, "machine")
    if machine is None:
        return "No devices were seen."
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"Devices: {', '.join(machine['devices'])}. {versions}."


def _models(findings: Sequence[Finding]) -> str:
    compared = {(each["model"], each["dtype"]): each for each in _of(findings, "agreement")}
    rows = []
    for step in _of(findings, "steps"):
        found = compared.get((step["model"], step["dtype"]))
        said = ["not compared", ""]
        if found is not None:
            verdict = "equal" if found["agrees"] else "DIFFERS"
            said = [f"{found['difference']:.1e} of {found['tolerance']:.0e}", verdict]
        loss = f"{step['loss'][-1]:.5g}"
        rows.append([step["model"], step["dtype"], loss, *said, f"{step['seconds']:.1f}"])
    head = ["model", "numbers", "loss", "difference, relative", "with the processor", "seconds"]
    return _grid("Three steps of every model, on the device and on the processor", head, rows)


def _rates(findings: Sequence[Finding]) -> str:
    rows = []
    for workload, title in WORKLOADS.items():
        ours = _last(findings, "rate", f"{workload} kssl")
        peer = _last(findings, "rate", f"{workload} torch")
        if ours is None and peer is None:
            continue
        ratio = f"{ours['value'] / peer['value']:.2f}" if ours and peer else "?"
        unit = (ours or peer or {})["unit"]
        cells = [
            _cell(each, key) for key in ("compile_seconds", "peak_gib") for each in (ours, peer)
        ]
        rows.append([title, unit, _cell(ours, "value"), _cell(peer, "value"), ratio, *cells])
    head = ["what", "unit", "kssl", "PyTorch", "ratio", "compile s, kssl", "PyTorch"]
    return _grid("Training", [*head, "memory GiB, kssl", "PyTorch"], rows)


def _cell(finding: Finding | None, key: str) -> str:
    value = None if finding is None else finding.get(key)
    return "?" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _training(findings: Sequence[Finding]) -> str:
    rows = []
    target = _last(findings, "target") or _last(findings, "validation")
    if target is not None:
        reached = "reached" if target.get("reached") else "not reached"
        steps, seconds = f"{target['steps']:,} steps", f"{target['seconds']:.0f} s"
        rows.append(
            ["GPT, best validation loss", f"{target['best']:.4f}, 1.47 {reached}", steps, seconds]
        )
    writing = _last(findings, "writing")
    if writing is not None:
        rows.append(["GPT, writing", f"{writing['value']:,.0f} {writing['unit']}", "", ""])
    for knn in _of(findings, "knn"):
        epochs, seconds = f"{knn['epochs']} epochs", f"{knn['seconds']:.0f} s"
        rows.append(["SimCLR, kNN accuracy", f"{knn['accuracy']:.4f}", epochs, seconds])
    return _grid("Results", ["what", "value", "after", "in"], rows)


def _changes(findings: Sequence[Finding]) -> str:
    rows = []
    for changed in {
        each["job"]: each for each in _of(findings, "rate") if each["part"] == 6
    }.values():
        usual = _last(findings, "rate", f"{changed['job'].partition(',')[0]} kssl")
        ratio = f"{changed['value'] / usual['value']:.2f}" if usual else "?"
        cells = [_cell(changed, key) for key in ("value", "compile_seconds", "peak_gib")]
        rows.append([changed["job"], *cells, ratio])
    head = ["change", "per second", "compile s", "memory GiB", "times as fast as without it"]
    return _grid("Settings", head, rows)


def _unknown(findings: Sequence[Finding]) -> str:
    ends = [each for each in _of(findings, "status") if each["status"] != "done"]
    return "\n".join(f"{each['job']}: {each['status']}: {each['why']}" for each in ends)
