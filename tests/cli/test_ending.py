"""How a command ends where a part, a plugin or a terminal ends before it."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import click
import pytest

from kssl.cli import ending, group, streams


def ended(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def command(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(group.cli, "main", command)
    with pytest.raises(SystemExit) as left:
        group.main(["list"])
    return left.value.code


@pytest.mark.parametrize("code", [0, 1, None, "bye"])
def test_a_part_that_leaves_is_a_failure(monkeypatch, capsys, code):
    assert ended(monkeypatch, SystemExit(code)) == 1
    assert "raised by a part or a plugin, which would have ended" in capsys.readouterr().err


def test_the_end_of_a_file_is_no_ctrl_c(monkeypatch, capsys):
    abort = click.Abort()
    abort.__cause__ = EOFError("no data left")
    assert ended(monkeypatch, abort) == ending.FAILED
    assert "EOFError: no data left" in capsys.readouterr().err
    assert ended(monkeypatch, click.Abort()) == ending.INTERRUPTED


def test_a_signal_has_its_exit_code(monkeypatch, capsys):
    abort = click.Abort()
    abort.__cause__ = KeyboardInterrupt()
    abort.__cause__.number = 15
    assert ended(monkeypatch, abort) == 143


def test_a_reader_that_has_gone_does_not_end_the_work():
    read, write = os.pipe()
    stream = streams._Kept(io.TextIOWrapper(os.fdopen(write, "wb"), write_through=True))
    os.close(read)
    for _ in range(3):
        assert stream.write("text\n") == 5
        stream.flush()
    stream.close()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(closed, tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m kssl list models {closed}", shell=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 0
    assert not list(tmp_path.iterdir())
