from ez_rknn_async.compat.rknn import RKNN

__all__ = ["RKNN"]
