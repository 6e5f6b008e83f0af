"""Stand-in for a package of the vendor; see ez_rknn_async.compat."""

from ez_rknn_async.compat.rknnlite import RKNNLite

__all__ = ["RKNNLite"]
