"""`python -m kssl` is `kssl`."""

from __future__ import annotations

from kssl.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
