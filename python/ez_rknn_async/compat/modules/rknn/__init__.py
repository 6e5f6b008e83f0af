"""Stand-in for a package of the vendor; see ez_rknn_async.compat."""
