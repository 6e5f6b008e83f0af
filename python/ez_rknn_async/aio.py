"""asyncio: awaiting a task, and mapping a stream of inputs.

The engine calls back when a task is done; nothing here waits in a thread, and no call blocks the event loop: a task without
room in the queue stands in the engine's line. Any number of loops, in any threads, may use one session.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from functools import partial
from typing import Any

from . import _core

Outputs = list[Any]


def _settle(future: asyncio.Future[Outputs], outputs: Outputs | None, error: Exception | None) -> None:
    if future.done():  # cancelled meanwhile
        return
    if error is None:
        future.set_result(outputs or [])
    else:
        future.set_exception(error)


def _deliver(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Outputs],
    outputs: Outputs | None,
    error: Exception | None,
) -> None:
    """On the completion thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, future, outputs, error)


class _Pending:
    """A task and the loop's future for its outcome. Begun before it is awaited."""

    __slots__ = ("future", "task")

    def __init__(self, session: _core.Session, call: tuple[Any, Any, Any, Any]) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Outputs] = loop.create_future()
        self.task: _core.Task | None = session.post(*call, partial(_deliver, loop, self.future), False)

    @classmethod
    def failed(cls, error: Exception) -> _Pending:
        pending = cls.__new__(cls)
        pending.task = None
        pending.future = asyncio.get_running_loop().create_future()
        pending.future.set_exception(error)
        return pending

    def abandon(self) -> None:
        """The task is withdrawn if it has not begun; otherwise its outcome is dropped."""
        if self.task is not None:
            self.task.withdraw()
        if not self.future.cancel() and not self.future.cancelled():
            self.future.exception()  # seen: no complaint that it was never retrieved


async def arun(session: _core.Session, call: tuple[Any, Any, Any, Any]) -> Outputs:
    pending = _Pending(session, call)
    try:
        return await pending.future
    except asyncio.CancelledError:
        pending.abandon()
        raise
    finally:
        del pending  # an error's traceback holds this frame, which must not hold the error


class _Feeds:
    """One way to draw from iterables and asynchronous iterables: `pull` begins drawing, `ready` says that it is over."""

    def __init__(self, feeds: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._later: AsyncIterator[Any] | None = aiter(feeds) if isinstance(feeds, AsyncIterable) else None
        self._now = None if self._later is not None else iter(feeds)  # type: ignore[arg-type]
        self.drawing: asyncio.Future[Any] | None = None

    async def _draw(self) -> tuple[Any, ...]:
        try:
            return (await anext(self._later),)  # type: ignore[arg-type]
        except StopAsyncIteration:
            return ()

    def pull(self) -> None:
        if self.drawing is not None:
            return
        if self._later is not None:
            self.drawing = asyncio.ensure_future(self._draw())
            return
        self.drawing = asyncio.get_running_loop().create_future()
        try:
            self.drawing.set_result((next(self._now),))  # type: ignore[arg-type]
        except StopIteration:
            self.drawing.set_result(())
        except Exception as error:
            self.drawing.set_exception(error)

    def take(self) -> tuple[Any, ...]:
        """What was drawn: one feed, or nothing at the end."""
        drawn = self.drawing
        assert drawn is not None
        self.drawing = None
        feed: tuple[Any, ...] = drawn.result()
        return feed

    def stop(self) -> None:
        if self.drawing is not None and not self.drawing.cancel() and not self.drawing.cancelled():
            self.drawing.exception()


async def amap(
    session: _core.Session,
    feeds: Iterable[Any] | AsyncIterable[Any],
    call: tuple[Any, Any, Any],
    depth: int,
) -> AsyncIterator[Outputs]:
    """See InferenceSession.amap. `call` is what follows the feed: output names, run options, time limit."""
    names, options, timeout = call
    source = _Feeds(feeds)
    window: deque[_Pending] = deque()
    ended = False
    try:
        while True:
            if not ended and len(window) < depth:
                source.pull()
            if source.drawing is not None and not source.drawing.done():
                waiting = {source.drawing} | {p.future for p in list(window)[:1]}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if source.drawing is not None and source.drawing.done():
                try:
                    drawn = source.take()
                    ended = not drawn
                    window.extend(_Pending(session, (names, feed, options, timeout)) for feed in drawn)
                except Exception as error:  # raised in its turn, after the results before it
                    ended = True
                    window.append(_Pending.failed(error))
                if not ended and len(window) < depth:
                    continue
            elif not window:
                return
            if window and (window[0].future.done() or ended or len(window) >= depth):
                outputs = await window[0].future
                window.popleft()
                yield outputs
    finally:
        source.stop()
        for pending in window:
            pending.abandon()
