"""The main job in one file: a quantised RK3588 model classifies handwritten digits on this machine.

Prints its accuracy beside the float model's in ONNX Runtime, the throughput of `run`, `run_async` over three NPU cores and
`run_pipeline`; writes demo.png. Run it with `make demo`.
"""

import pathlib
import sys
import threading
import time

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw

import ez_rknn_async as ez

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIGITS = ROOT / "models" / "digits"


def show_model(session):
    print(f"model   {DIGITS.name}/digits_i8.rknn on {session.get_providers()[0]}")
    for node in session.get_inputs() + session.get_outputs():
        print(f"tensor  {node.name} {node.shape} {node.type}")


def classify(session, name, images):
    return np.array([np.argmax(session.run(None, {name: image})[0]) for image in images])


def run_asynchronously(session, feeds):
    results, done = [], threading.Event()

    def on_result(outputs, _user_data, error):
        results.append(error or outputs[0])
        if len(results) == len(feeds):
            done.set()

    for feed in feeds:
        session.run_async(None, feed, on_result)
    done.wait()
    return results


def run_as_pipeline(session, feeds, depth=3):
    """Feeding the last frame again drains the pipeline."""
    outputs = [session.run_pipeline(feed, depth=depth) for feed in feeds + feeds[-1:] * depth]
    return [o[0] for o in outputs if o is not None]


def timed(name, function, *arguments):
    start = time.perf_counter()
    results = function(*arguments)
    print(f"{name:32} {len(results) / (time.perf_counter() - start):8.0f} pictures/s")
    return results


def draw(images, predicted, labels, path, columns=12, rows=6, cell=64):
    sheet = Image.new("RGB", (columns * cell, rows * (cell + 16)), "white")
    pen = ImageDraw.Draw(sheet)
    for k in range(min(columns * rows, len(images))):
        x, y = k % columns * cell, k // columns * (cell + 16)
        sheet.paste(Image.fromarray(255 - images[k, :, :, 0]).resize((cell - 4, cell - 4)), (x + 2, y + 2))
        right = predicted[k] == labels[k]
        text = f"{predicted[k]}" + ("" if right else f" (is {labels[k]})")
        pen.text((x + 4, y + cell), text, fill="black" if right else "red")
    sheet.save(path)


def main():
    data = np.load(DIGITS / "digits_test.npz")
    images, labels = data["images"], data["labels"]
    session = ez.InferenceSession(DIGITS / "digits_i8.rknn", provider_options={"schedule": [0, 1, 2]})
    show_model(session)
    name = session.input_names[0]
    pictures = [image.reshape(1, 1, 32, 32) for image in images]  # one channel: NHWC and NCHW are the same bytes

    # The .rknn normalises by itself (0..255 to 0..1); the ONNX model expects normalised data.
    reference = onnxruntime.InferenceSession(DIGITS / "digits.onnx", providers=["CPUExecutionProvider"])
    normalised = [picture.astype(np.float32) / 255 for picture in pictures]
    expected = classify(reference, reference.get_inputs()[0].name, normalised)
    predicted = classify(session, name, pictures)
    print(f"\naccuracy over {len(labels)} held-out pictures")
    print(f"  int8 on the software NPU       {100 * np.mean(predicted == labels):6.2f} %")
    print(f"  float32 in ONNX Runtime        {100 * np.mean(expected == labels):6.2f} %\n")
    feeds = [{name: image} for image in pictures] * 3
    one = timed("run", lambda: [session.run(None, feed)[0] for feed in feeds])
    three = timed("run_async, schedule=[0, 1, 2]", run_asynchronously, session, feeds)
    piped = timed("run_pipeline, depth=3", run_as_pipeline, session, feeds)
    same = all(np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(one, three, piped, strict=True))
    print(f"all three give the same results: {'yes' if same else 'NO'}")

    draw(images, predicted, labels, ROOT / "demo.png")
    print("wrote demo.png")
    sys.exit(not same)


if __name__ == "__main__":
    main()
