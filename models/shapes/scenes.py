"""Drawn scenes with circles, squares and triangles, and where they are: what the shape detector learns from and is tried on.

Needs numpy and Pillow. A shape is (class, centre x, centre y, size, colour); boxes are (x0, y0, x1, y1) in pixels.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

SIDE = 96  # pixels of a scene
CELLS = 12  # of the detector's grid
CLASSES = ("circle", "square", "triangle")


def background(random: np.random.Generator) -> np.ndarray:
    """A slope between two dark colours, with noise. float32 [SIDE, SIDE, 3]"""
    low, high = random.uniform(10, 110, (2, 3))
    slope = np.linspace(0, 1, SIDE)[:, None, None] * (high - low) + low
    picture = np.broadcast_to(slope, (SIDE, SIDE, 3))
    if random.random() < 0.5:
        picture = picture.transpose(1, 0, 2)
    return picture + random.normal(0, 6, (SIDE, SIDE, 3))


def random_shape(random: np.random.Generator) -> tuple:
    size = random.uniform(16, 36)
    x, y = random.uniform(size / 2, SIDE - size / 2, 2)
    colour = random.uniform(60, 256, 3)
    colour[random.integers(3)] = 255  # never as dark as the background
    return int(random.integers(3)), float(x), float(y), float(size), tuple(int(c) for c in np.minimum(colour, 255))


def box(shape: tuple) -> tuple[float, float, float, float]:
    _, x, y, size, _ = shape
    return x - size / 2, y - size / 2, x + size / 2, y + size / 2


def draw(ground: np.ndarray, shapes: list[tuple]) -> np.ndarray:
    """uint8 [SIDE, SIDE, 3]; later shapes lie above earlier ones."""
    picture = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for shape in shapes:
        x0, y0, x1, y1 = box(shape)
        if shape[0] == 0:
            pen.ellipse((x0, y0, x1, y1), fill=shape[4])
        elif shape[0] == 1:
            pen.rectangle((x0, y0, x1, y1), fill=shape[4])
        else:
            pen.polygon([((x0 + x1) / 2, y0), (x1, y1), (x0, y1)], fill=shape[4])
    return np.asarray(picture)


def apart(shapes: list[tuple]) -> bool:
    """No two shapes overlap much, and no two centres share a cell."""
    for k, a in enumerate(shapes):
        for b in shapes[:k]:
            if max(abs(a[1] - b[1]), abs(a[2] - b[2])) < max(0.4 * (a[3] + b[3]), SIDE / CELLS):
                return False
    return True


def scene(random: np.random.Generator) -> tuple[np.ndarray, list[tuple]]:
    """A picture with one to four shapes, and the shapes."""
    shapes: list[tuple] = []
    for _ in range(int(random.integers(1, 5))):
        one = random_shape(random)
        if apart([*shapes, one]):
            shapes.append(one)
    return draw(background(random), shapes), shapes


def video(frames: int, seed: int = 7):
    """`frames` pictures of three shapes that bounce in lanes of their own, above each other, with the shapes of each."""
    random = np.random.default_rng(seed)
    ground = background(random)
    looks = [(0, 24.0, (255, 90, 70)), (1, 22.0, (90, 200, 255)), (2, 26.0, (250, 220, 80))]
    lane = SIDE / len(looks)
    places = np.array([[random.uniform(20, 76), lane * (k + 0.5)] for k in range(len(looks))])
    steps = random.uniform(0.6, 2.4, (3, 2)) * np.array([[1, 0.4], [-1, 0.4], [1, -0.4]])
    for _ in range(frames):
        shapes = [(kind, float(x), float(y), size, colour) for (kind, size, colour), (x, y) in zip(looks, places)]
        yield draw(ground + random.normal(0, 3, ground.shape), shapes), shapes
        places += steps
        for k, (_, size, _) in enumerate(looks):
            for axis, (low, high) in enumerate(((0, SIDE), (lane * k, lane * (k + 1)))):
                if not low + size / 2 <= places[k, axis] <= high - size / 2:
                    steps[k, axis] *= -1
                    places[k, axis] = np.clip(places[k, axis], low + size / 2, high - size / 2)
