"""What is going on, shown in a terminal while it takes longer than one would wait unasked."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

DELAY = 2.0  # seconds before anything is shown

_shown: list[_Bar] = []  # the one that is on the screen, or will be


class _Bar:
    """One line, which comes after a while and goes when the work is done."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._lock = threading.Lock()
        self._progress: Any = None
        self._ended = False
        self._timer = threading.Timer(DELAY, self._show)
        self._timer.daemon = True
        self._timer.start()

    def advance(self, count: int = 1) -> None:
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress.update(self._task, completed=self._done)

    def tell(self, what: str) -> str:
        """Say something else of the work; return what was said before."""
        with self._lock:
            before, self._what = self._what, what
            if self._progress is not None:
                self._progress.update(self._task, description=what)
        return before

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            self._ended = True

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from kssl.system.terminal import width

        with self._lock:
            if self._ended:
                return
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(20),
                TimeElapsedColumn(),
                console=Console(file=sys.stdout, width=width()),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._progress.add_task(
                self._what, total=self._total, completed=self._done
            )
            self._progress.start()


@contextlib.contextmanager
def working(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show a progress bar while the `with` block runs, if it takes more than two seconds.

    In a terminal alone. Inside of another one nothing but its text is shown, in that bar.

    Args:
        what: What is going on, such as `evaluating: knn`.
        total: Of how many steps it consists; None shows that it goes on.

    Yields:
        A function to call after each step, or with how many were done.

    Example:
        >>> with working("reading", total=2) as advance:
        ...     advance()
    """
    if not sys.stdout.isatty():
        yield lambda count=1: None
        return
    if _shown:
        before = _shown[-1].tell(what)
        try:
            yield lambda count=1: None
        finally:
            _shown[-1].tell(before)
        return
    bar = _Bar(what, total)
    _shown.append(bar)
    try:
        yield bar.advance
    finally:
        _shown.remove(bar)
        bar.end()
