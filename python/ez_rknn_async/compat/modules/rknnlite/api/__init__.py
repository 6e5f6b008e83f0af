from ez_rknn_async.compat.rknnlite import RKNNLite

__all__ = ["RKNNLite"]
