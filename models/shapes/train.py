"""Train the shape detector on drawn scenes and export it: shapes.onnx.

A few minutes on one core. Needs torch and onnx (both in the toolkit's venv) and Pillow. The seed is fixed; another version of torch may
still give other weights.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch
from scenes import CELLS, SIDE, scene
from torch import nn

HERE = pathlib.Path(__file__).parent


def conv(ci, co, stride=1):
    return nn.Sequential(nn.Conv2d(ci, co, 3, stride, 1, bias=False), nn.BatchNorm2d(co), nn.ReLU())


class Shapes(nn.Module):
    """[n,3,96,96] in 0..1 -> scores and boxes, both [n,4,12,12] in 0..1.

    scores: is a shape's centre in this cell, and which of three classes. boxes: the centre within the cell, width and height of
    the picture.
    """

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 16, 2), conv(16, 32, 2), conv(32, 48, 2), conv(48, 48), conv(48, 48), conv(48, 48)
        )
        self.scores = nn.Conv2d(48, 4, 1)
        self.boxes = nn.Conv2d(48, 4, 1)

    def forward(self, x):
        x = self.body(x)
        return torch.sigmoid(self.scores(x)), torch.sigmoid(self.boxes(x))


def batch(random, count):
    """Pictures, wanted scores, wanted boxes, and which cells hold a centre."""
    pictures = np.zeros((count, 3, SIDE, SIDE), np.float32)
    scores, boxes = np.zeros((2, count, 4, CELLS, CELLS), np.float32)
    for n in range(count):
        picture, shapes = scene(random)
        pictures[n] = picture.transpose(2, 0, 1) / 255
        for kind, x, y, size, _ in shapes:
            i, j = int(y * CELLS / SIDE), int(x * CELLS / SIDE)
            scores[n, [0, 1 + kind], i, j] = 1
            boxes[n, :, i, j] = x * CELLS / SIDE - j, y * CELLS / SIDE - i, size / SIDE, size / SIDE
    return [torch.from_numpy(a) for a in (pictures, scores, boxes)]


def loss(model, pictures, scores, boxes):
    got_scores, got_boxes = model(pictures)
    there = scores[:, :1]
    cross = nn.functional.binary_cross_entropy
    weight = 1 + 4 * there  # few cells hold a shape
    return (
        (cross(got_scores[:, :1], there, reduction="none") * weight).sum()
        + (cross(got_scores[:, 1:], scores[:, 1:], reduction="none") * there).sum()
        + 10 * ((got_boxes - boxes).abs() * there).sum()
    ) / len(pictures)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    model = Shapes()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=args.steps)
    start = time.monotonic()
    for step in range(args.steps):
        value = loss(model, *batch(random, 32))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(json.dumps({"step": step, "loss": round(float(value), 3)}), flush=True)
    model.eval()
    torch.onnx.export(
        model,
        torch.zeros(1, 3, SIDE, SIDE),
        str(args.out / "shapes.onnx"),
        opset_version=13,
        input_names=["picture"],
        output_names=["scores", "boxes"],
    )
    print(json.dumps({"seconds": round(time.monotonic() - start, 1), "loss": round(float(value), 3)}))


if __name__ == "__main__":
    main()
