"""Compile digits.onnx for RK3588 to digits_i8.rknn and digits_fp16.rknn, and measure both in the toolkit's simulator.

The .rknn carries the normalisation (mean 0, std 255): it takes the uint8 picture as it is, NHWC [1,32,32,1].
Calibration: 100 training pictures, so none of the held-out set. Besides the two models it writes the simulator's
logits to digits_expected.npz (i8, fp16: float32 [360,10]) and the figures to digits.json.
"""

import argparse
import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from toolkit import Job, Toolkit  # noqa: E402

CUSTOM_STRING = json.dumps({"classes": [str(d) for d in range(10)], "input": "uint8 32x32, white on black"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--toolkit", metavar="PYTHON", help="interpreter with rknn-toolkit2 (default: $RKNN_TOOLKIT_PYTHON)"
    )
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()

    from train import split  # torch and scikit-learn: only here, to have the same split

    (x, y), _ = split()
    calibration = [[x[i : i + 1]] for i in np.random.default_rng(0).choice(len(x), 100, replace=False)]
    test = np.load(HERE / "digits_test.npz")
    images, labels = test["images"].transpose(0, 3, 1, 2), test["labels"]
    report, simulated = {}, {}
    with Toolkit(args.toolkit) as toolkit:
        report["toolkit"] = toolkit.version
        for kind in ("i8", "fp16"):
            path = args.out / f"digits_{kind}.rknn"
            outputs = toolkit.build(
                Job(
                    onnx=str(HERE / "digits.onnx"),
                    rknn=str(path),
                    quantise=kind == "i8",
                    calibration=calibration,
                    feeds=[[images[i : i + 1]] for i in range(len(images))],
                    config=dict(mean_values=[[0]], std_values=[[255]], custom_string=CUSTOM_STRING),
                )
            )
            logits = np.concatenate([row[0].reshape(1, 10) for row in outputs])
            correct = int((logits.argmax(1) == labels).sum())
            report[kind] = dict(
                bytes=path.stat().st_size,
                held_out=len(labels),
                correct=correct,
                accuracy=round(correct / len(labels), 4),
            )
            simulated[kind] = logits.astype(np.float32)
    np.savez_compressed(args.out / "digits_expected.npz", **simulated)
    (args.out / "digits.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
