"""Find shapes in a video, with three frames under way at once, and draw their boxes into a GIF.

    python detect_video.py [OUTPUT.gif]

The video is drawn by models/shapes/scenes.py; models/shapes holds the detector, how it was trained and compiled.
"""

import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw

import ez_rknn_async as ez

SHAPES = pathlib.Path(__file__).resolve().parent.parent / "models" / "shapes"
sys.path.append(str(SHAPES))
from scenes import CELLS, CLASSES, SIDE, video  # noqa: E402

COLOURS = ("#ff5a46", "#5ac8ff", "#fadc50")


def decode(outputs, threshold=0.5):
    """[(class, score, (x0, y0, x1, y1))] of the model's scores and boxes, both [1, 4, CELLS, CELLS]; best first."""
    scores, boxes = (output[0] for output in outputs)
    found = []
    for i, j in zip(*np.nonzero(scores[0] > threshold), strict=True):
        x, y = (j + boxes[0, i, j]) * SIDE / CELLS, (i + boxes[1, i, j]) * SIDE / CELLS
        half_width, half_height = boxes[2:, i, j] * SIDE / 2
        corners = (x - half_width, y - half_height, x + half_width, y + half_height)
        found.append((int(scores[1:, i, j].argmax()), float(scores[0, i, j]), tuple(float(c) for c in corners)))
    return without_doubles(sorted(found, key=lambda one: -one[1]))


def without_doubles(found, most_overlap=0.4):
    """A shape near the border of two cells is found twice: of boxes that overlap, the best stays."""
    kept = []
    for one in found:
        if all(overlap(one[2], other[2]) < most_overlap for other in kept):
            kept.append(one)
    return kept


def overlap(a, b):
    """Area in both boxes over area in any."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def annotated(frame, found, scale=3):
    picture = Image.fromarray(frame).resize((SIDE * scale, SIDE * scale))
    pen = ImageDraw.Draw(picture)
    for kind, score, corners in found:
        x0, y0, x1, y1 = (c * scale for c in corners)
        pen.rectangle((x0, y0, x1, y1), outline=COLOURS[kind], width=2)
        pen.text((x0 + 2, max(y0 - 12, 0)), f"{CLASSES[kind]} {score:.2f}", fill=COLOURS[kind])
    return picture


def main(output="shapes.gif", frames=60):
    session = ez.InferenceSession(SHAPES / "shapes_i8.rknn", provider_options={"layout": "nhwc", "schedule": [0, 1, 2]})
    shown, pictures, count = [], [], 0
    with session.pipeline(depth=3) as pipeline:
        for frame, _ in video(frames):
            shown.append(frame)
            outputs = pipeline.push([frame[None]])  # of the frame three calls ago; None while the window fills
            if outputs is not None:
                pictures.append(annotated(shown[len(pictures)], decode(outputs)))
                count += len(decode(outputs))
        for outputs in pipeline.flush():
            pictures.append(annotated(shown[len(pictures)], decode(outputs)))
            count += len(decode(outputs))
    pictures[0].save(output, save_all=True, append_images=pictures[1:], duration=60, loop=0)
    print(f"{output}: {len(pictures)} frames, {count} shapes found, on {session.get_providers()[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
