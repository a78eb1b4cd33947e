"""Whether the process that recorded its id is still running."""

from __future__ import annotations

_CLOCK_TOLERANCE = 2.0  # seconds; the kernel's start times are that exact


def is_alive(pid: int, began: float) -> bool:
    """Tell whether `pid` is still the process that was started at `began`.

    A process that was born after the work began is another one that was given the same number.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return bool(process.create_time() <= began + _CLOCK_TOLERANCE)
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False
