"""What differs between a terminal and a pipe: colours, and a line that shows progress."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TextIO

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
WIDTH = 24  # of a progress bar, in characters
EVERY = 0.1  # seconds between two drawings of it


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def coloured(stream: TextIO) -> bool:
    """Whether escape sequences may be written there: a terminal that knows them, and no NO_COLOR (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """`text` in the styles of CODES where `stream` (standard output) takes colours, else as it is."""
    if not styles or not coloured(stream or sys.stdout):
        return text
    return f"\033[{';'.join(CODES[name] for name in styles)}m{text}\033[0m"


class Progress:
    """A bar on standard error while something takes long; nothing where that is no terminal.

    with Progress("measuring") as progress: progress(0.25, "2 cores")
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = is_terminal(sys.stderr)
        self._last = 0.0

    def __call__(self, fraction: float, detail: str = "") -> None:
        """Show that `fraction` (0 to 1) is done."""
        now = time.monotonic()
        if not self._shown or now - self._last < EVERY:
            return
        self._last = now
        full = round(WIDTH * min(max(fraction, 0.0), 1.0))
        bar = style("━" * full, "cyan", stream=sys.stderr) + style("━" * (WIDTH - full), "dim", stream=sys.stderr)
        sys.stderr.write(f"\r\033[K{self._label} {bar} {fraction:4.0%} {detail}")
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        self(0.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._last:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
