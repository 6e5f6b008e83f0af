"""What onnxruntime's sessions have beyond running and describing a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from .errors import Unsupported
from .session_options import SessionOptions

if TYPE_CHECKING:
    from .nodes import NodeArg


class OrtSession:
    """Members that programs written for onnxruntime call. Mixed into InferenceSession, which loads models."""

    _sess_options: Any
    _enable_fallback: bool

    def get_session_options(self) -> SessionOptions:
        """The options the session was made with; new ones when it was made without."""
        if not isinstance(self._sess_options, SessionOptions):
            self._sess_options = SessionOptions()
        return self._sess_options

    def get_overridable_initializers(self) -> list[NodeArg]:
        """Always empty: a compiled model's weights are fixed."""
        return []

    def enable_fallback(self) -> None:
        """Kept for callers; there is no other provider to fall back to."""
        self._enable_fallback = True

    def disable_fallback(self) -> None:
        """Kept for callers; there is no other provider to fall back to."""
        self._enable_fallback = False

    def get_tuning_results(self) -> list[Any]:
        """Always empty: a compiled model has nothing to tune."""
        return []

    def set_tuning_results(self, results: list[Any], *, error_on_invalid: bool = False) -> None:
        """Raises Unsupported for results, if error_on_invalid says so; else they are passed over."""
        if results and error_on_invalid:
            raise Unsupported("set_tuning_results: a compiled .rknn model has nothing to tune; accepted: []")

    def set_ep_dynamic_options(self, options: dict[str, str]) -> NoReturn:
        """Raises Unsupported: provider options are given when a session is made, or to set_providers()."""
        raise Unsupported(f"set_ep_dynamic_options({options!r}): provider options are fixed; accepted: set_providers()")
