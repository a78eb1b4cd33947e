"""What is shown while something takes long."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from kssl.system import progress
from kssl.system.progress import working


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: Any, stream: Any, seconds: float) -> str:
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr(progress, "DELAY", 0.05)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with working("evaluating", total=2) as advance:
        with working("evaluating: knn"):
            time.sleep(seconds)
        advance()
    return str(stream.getvalue())


def test_what_takes_long_is_named_in_a_terminal_and_gone_afterwards(monkeypatch: Any) -> None:
    text = shown(monkeypatch, Terminal(), 0.6)
    assert "evaluating: knn" in text
    assert text.endswith("\x1b[2K")  # the line is erased
    assert not progress._shown


@pytest.mark.parametrize(("stream", "seconds"), [(io.StringIO(), 0.3), (Terminal(), 0.0)])
def test_nothing_is_shown_in_a_pipe_or_of_what_is_soon_over(
    monkeypatch: Any, stream: Any, seconds: float
) -> None:
    assert shown(monkeypatch, stream, seconds) == ""
    time.sleep(0.1)
    assert stream.getvalue() == ""


def test_an_error_leaves_no_bar(monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    with pytest.raises(ValueError), working("reading"):
        raise ValueError
    assert not progress._shown
