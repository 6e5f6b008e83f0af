"""Compile seed.onnx for RK3588 (seed_fp.rknn, seed_i8.rknn), RK3566 and RK3576 (seed_i8_rk3566.rknn, ...) and record what
the toolkit's simulator answers; it answers the same for every chip.

Run it with the interpreter of rknn-toolkit2 in the folder where make_seed_model.py ran.
"""

import numpy as np
from rknn.api import RKNN

BUILDS = [("fp", "rk3588"), ("i8", "rk3588"), ("i8_rk3566", "rk3566"), ("i8_rk3576", "rk3576")]

for name, target in BUILDS:
    rknn = RKNN(verbose=True)
    rknn.config(target_platform=target, custom_string="yolov5s-640")
    assert rknn.load_onnx("seed.onnx") == 0
    assert rknn.build(do_quantization=name != "fp", dataset="ds.txt") == 0
    assert rknn.export_rknn(f"seed_{name}.rknn") == 0
    assert rknn.init_runtime() == 0
    for k in range(3):
        np.save(f"sim_{name}{k}.npy", rknn.inference([np.load(f"in{k}.npy")], data_format="nchw")[0])
    rknn.release()
