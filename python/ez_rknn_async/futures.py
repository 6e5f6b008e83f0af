"""InferenceSession.submit: a task as a concurrent.futures.Future."""

from __future__ import annotations

import concurrent.futures
from typing import Any

from . import _core
from .errors import Error


class TaskFuture(concurrent.futures.Future[list[Any]]):
    """The outcome of one task. Everything a Future can do, with `cancel` and `running` as the engine sees the task.

    Callbacks (add_done_callback) run on the session's completion thread: as with an executor's, they may use the session,
    and must not wait for another future of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._task: _core.Task | None = None

    def cancel(self) -> bool:
        """Take the task back if it has not begun. A task that is being executed is not interrupted: False."""
        if self._task is not None and self._task.withdraw():
            super().cancel()
            self.set_running_or_notify_cancel()  # wakes wait() and as_completed() too
        return self.cancelled()

    def running(self) -> bool:
        return not self.done() and self._task is not None and self._task.running()

    def _finish(self, outputs: list[Any] | None, error: Error | None) -> None:
        if error is None:
            assert outputs is not None
            self.set_result(outputs)
        else:
            self.set_exception(error)


def submit(session: _core.Session, output_names: Any, input_feed: Any, run_options: Any, timeout: Any) -> TaskFuture:
    future = TaskFuture()
    future._task = session.post(output_names, input_feed, run_options, timeout, future._finish, True)
    return future
