"""InferenceSession.map: results of a stream of inputs, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from . import _core


class _Failed:
    """Stands in the window for an input that could not be had or was refused."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get(self) -> list[Any]:
        raise self._error

    def cancel(self) -> bool:
        return False


def _begun(
    session: _core.Session, feeds: Iterable[Any], call: tuple[Any, Any, Any]
) -> Iterator[_core.Pending | _Failed]:
    names, options, timeout = call
    try:
        for feed in feeds:
            yield session.submit(names, feed, options, timeout)
    except Exception as error:  # raised in its turn, after the results before it
        yield _Failed(error)


def map_feeds(
    session: _core.Session, feeds: Iterable[Any], call: tuple[Any, Any, Any], depth: int
) -> Iterator[list[Any]]:
    """See InferenceSession.map. `call` is what follows the feed: output names, run options, time limit."""
    window: deque[_core.Pending | _Failed] = deque()
    try:
        for pending in _begun(session, feeds, call):
            window.append(pending)
            if len(window) >= depth:
                yield window.popleft().get()
        while window:
            yield window.popleft().get()
    finally:
        for pending in window:
            pending.cancel()
