"""The vendor's Python interfaces, on this package's engine: for scripts that are written for them.

    python -m ez_rknn_async.compat SCRIPT ARGUMENTS...      an unmodified script; it finds rknnlite.api and rknn.api
    from ez_rknn_async.compat.rknnlite import RKNNLite      one line changed

docs/migrating.md says what is the same and what is not.
"""
