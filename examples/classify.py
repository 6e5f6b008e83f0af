"""Classify pictures: load, run, read the scores.

    python classify.py MODEL.rknn PICTURE.png...

Pictures are made grey and as large as the model's input; the names of the classes are in the model's metadata.
"""

import json
import sys

import numpy as np
from PIL import Image

import ez_rknn_async as ez


def main(model, paths):
    session = ez.InferenceSession(model)
    node = session.get_inputs()[0]
    _, _, height, width = node.shape
    classes = json.loads(session.get_modelmeta().custom_metadata_map["rknn_custom_string"])["classes"]
    for path in paths:
        picture = np.asarray(Image.open(path).convert("L").resize((width, height)))
        (scores,) = session.run(None, {node.name: picture.reshape(node.shape)})  # uint8 in, float32 out
        likelihood = np.exp(scores[0] - scores[0].max())
        likelihood /= likelihood.sum()
        best = likelihood.argmax()
        print(f"{path}: {classes[best]} ({likelihood[best]:.1%})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
