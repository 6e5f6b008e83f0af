"""Train the digit classifier on scikit-learn's bundled digits and export it: digits.onnx, digits_test.npz.

About a minute on one core. Needs torch, scikit-learn and onnx (all in the toolkit's venv, with scikit-learn added).
The seed is fixed; another version of torch may still give other weights and an accuracy a few pictures apart.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = pathlib.Path(__file__).parent


def pictures():
    """uint8 [n,1,32,32] and labels: the 8x8 pictures of 0..16 enlarged bilinearly to 0..255."""
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] * (255 / 16)
    x = nn.functional.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False)
    return x.round().to(torch.uint8).numpy(), digits.target.astype(np.uint8)


def split():
    """(training pictures, labels), (held-out pictures, labels): four fifths and one fifth, every digit in its share."""
    x, y = pictures()
    x0, x1, y0, y1 = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    return (x0, y0), (x1, y1)


class Block(nn.Module):
    """conv - bn - relu - conv - bn, added to its input"""

    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
        )

    def forward(self, x):
        return torch.relu(x + self.body(x))


def conv(ci, co, k, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(ci, co, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(co), nn.ReLU())


class Digits(nn.Module):
    """Takes 0..1; the pooled features pass one fully connected layer. No softmax: the outputs are logits."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv(1, 16, 3),
            nn.MaxPool2d(2),
            Block(16),  # 16 x 16 x 16
            conv(16, 16, 3, stride=2, groups=16),
            conv(16, 32, 1),  # depthwise separable, 8 x 8
            nn.MaxPool2d(2),
            conv(32, 48, 3),
        )  # 48 x 4 x 4
        self.classify = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10))

    def forward(self, x):
        return self.classify(self.features(x))


def to_input(u8):
    return torch.tensor(u8, dtype=torch.float32) / 255


def shifted(x, generator):
    """Each picture moved by up to three pixels; what leaves one edge is lost, zeros come in at the other."""
    padded = nn.functional.pad(x, (3, 3, 3, 3))
    offsets = torch.randint(0, 7, (len(x), 2), generator=generator).tolist()
    return torch.stack([p[:, i : i + 32, j : j + 32] for p, (i, j) in zip(padded, offsets)])


def train(model, x, y, epochs, generator):
    batch = 64
    steps = epochs * (len(x) // batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 8e-3, total_steps=steps)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)[: len(x) // batch * batch]
        for pick in order.split(batch):
            loss = nn.functional.cross_entropy(model(shifted(x[pick], generator)), y[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    (x, y), (test_x, test_y) = split()
    start = time.monotonic()
    model = train(
        Digits(), to_input(x), torch.tensor(y, dtype=torch.long), args.epochs, torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        correct = int((model(to_input(test_x)).argmax(1).numpy() == test_y).sum())
    torch.onnx.export(
        model,
        torch.zeros(1, 1, 32, 32),
        str(args.out / "digits.onnx"),
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
    )
    np.savez_compressed(args.out / "digits_test.npz", images=test_x.transpose(0, 2, 3, 1), labels=test_y)
    print(
        json.dumps(
            dict(
                seconds=round(time.monotonic() - start, 1),
                held_out=len(test_y),
                correct=correct,
                accuracy=round(correct / len(test_y), 4),
            )
        )
    )


if __name__ == "__main__":
    main()
