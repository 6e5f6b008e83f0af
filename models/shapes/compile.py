"""Compile shapes.onnx for RK3588 to shapes_i8.rknn. It takes the uint8 picture (mean 0, std 255); calibration: 100 scenes of another seed."""

import argparse
import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from scenes import CLASSES, scene  # noqa: E402
from toolkit import Job, Toolkit  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toolkit", metavar="PYTHON", help="interpreter with rknn-toolkit2 ($RKNN_TOOLKIT_PYTHON)")
    args = parser.parse_args()
    random = np.random.default_rng(1)
    calibration = [[scene(random)[0].transpose(2, 0, 1)[None]] for _ in range(100)]
    custom = json.dumps({"classes": CLASSES, "input": "uint8 96x96 RGB"})
    with Toolkit(args.toolkit) as toolkit:
        toolkit.build(
            Job(
                onnx=str(HERE / "shapes.onnx"),
                rknn=str(HERE / "shapes_i8.rknn"),
                quantise=True,
                calibration=calibration,
                config=dict(mean_values=[[0, 0, 0]], std_values=[[255, 255, 255]], custom_string=custom),
            )
        )


if __name__ == "__main__":
    main()
