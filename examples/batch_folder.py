"""Run every picture of a folder through a model, all cores busy, with a progress bar; results go into a CSV file.

    python batch_folder.py MODEL.rknn FOLDER RESULTS.csv

Pictures are read while others are being computed; no more of them are in memory than are under way. A file that is no picture is
named and passed over.
"""

import csv
import pathlib
import sys

import numpy as np
from PIL import Image, UnidentifiedImageError

import ez_rknn_async as ez


def pictures(paths, names, node):
    """Feeds, one for each picture that can be read; `names` gets their file names in the same order."""
    _, height, width, channels = node.shape  # the option layout below
    for path in paths:
        try:
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB").resize((width, height)))
        except UnidentifiedImageError:
            print(f"\n{path}: not a picture", file=sys.stderr)
            continue
        names.append(path.name)
        yield {node.name: pixels.reshape(1, height, width, channels)}


def show_progress(done, total, width=40):
    full = width * done // total
    print(f"\r[{'#' * full}{'.' * (width - full)}] {done}/{total}", end="", file=sys.stderr, flush=True)


def main(model, folder, results):
    paths = sorted(path for path in pathlib.Path(folder).iterdir() if path.is_file())
    options = {"schedule": "balanced", "layout": "nhwc"}  # the next picture goes to whichever core is idle
    with ez.InferenceSession(model, provider_options=options) as session, open(results, "w", newline="") as file:
        table, names = csv.writer(file), []
        table.writerow(["file", "class", "score"])
        feeds = pictures(paths, names, session.get_inputs()[0])
        for done, (scores,) in enumerate(session.map(feeds)):  # in the order of the feeds
            best = int(scores[0].argmax())
            table.writerow([names[done], best, f"{scores[0, best]:.4f}"])
            show_progress(done + 1, len(paths))
    print(f"\n{results}: {len(names)} of {len(paths)} files", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
