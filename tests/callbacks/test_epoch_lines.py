"""What is printed while a model is trained."""

from __future__ import annotations

import io
from typing import Any

from kssl.callbacks import epoch_lines
from kssl.callbacks.epoch_lines import EpochLines

LOGS = {"alignment": 0.1234567, "loss": 5.0, "effective_rank_of_all": 12.0, "val_loss": 4.5}
LOGS |= {f"metric_{number}": 0.25 for number in range(5)}


def train(steps: int = 4) -> None:
    lines = EpochLines()
    lines.set_params({"epochs": 2, "steps": steps})
    for epoch in range(2):
        lines.on_epoch_begin(epoch)
        for step in range(steps):
            lines.on_train_batch_end(step, LOGS)
        lines.on_epoch_end(epoch, LOGS)


def test_a_pipe_gets_a_line_for_each_epoch_broken_between_metrics(capsys: Any) -> None:
    train()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert "  loss 5  val_loss 4.5  alignment 0.1235" in lines[0]
    assert all(len(line) <= 80 for line in lines)
    assert all(line.split()[-1].replace(".", "").isdigit() for line in lines)
    assert " ".join(lines).count("metric_4 0.25") == 2


def test_in_a_terminal_a_line_moves_and_is_cut_to_its_width(monkeypatch: Any) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(epoch_lines, "_PAUSE", 0.0)
    train()
    import sys

    moving = sys.stdout.getvalue().split("\r\x1b[K")
    assert any("2/4" in each and each.endswith("…") and len(each) == 49 for each in moving)
    assert all(len(line) < 51 for each in moving for line in each.splitlines())
