"""Two models in a row: what the first writes, the second reads in place, in memory of the device.

    python zero_copy_chain.py

models/digits holds the digit classifier in two halves: digits_features.rknn makes features of a picture, digits_classes.rknn scores
of features. The tensor between them never passes through the host.
"""

import pathlib

import numpy as np

import ez_rknn_async as ez

DIGITS = pathlib.Path(__file__).resolve().parent.parent / "models" / "digits"


def chain(first, second):
    """Bindings of both models with one value between them, and that value."""
    (out,), (node,) = first.get_outputs(), second.get_inputs()
    between = ez.OrtValue.ortvalue_from_shape_and_type(
        out.shape, out.native_type, "rknpu2", name=out.name, session=first, io_kind="output"
    )
    to_first, to_second = first.io_binding(), second.io_binding()
    to_first.bind_ortvalue_output(out.name, between)
    to_second.bind_ortvalue_input(node.name, between)
    to_second.bind_output(second.output_names[0])
    return to_first, to_second, between


def main():
    first = ez.InferenceSession(DIGITS / "digits_features.rknn")
    second = ez.InferenceSession(DIGITS / "digits_classes.rknn")
    to_first, to_second, between = chain(first, second)

    data = np.load(DIGITS / "digits_test.npz")
    right = 0
    for image, label in zip(data["images"], data["labels"], strict=True):
        to_first.bind_cpu_input("image", image.reshape(1, 1, 32, 32))
        first.run_with_iobinding(to_first)
        second.run_with_iobinding(to_second)
        (scores,) = to_second.copy_outputs_to_cpu()
        right += int(scores.argmax() == label)
    print(f"{right} of {len(data['labels'])} digits right")
    used = between.memory_info()
    # Each session has the memory imported once: neither keeps a copy of its own.
    print(
        f"between the models: {used['size']} bytes of device memory, used in place by {used['import_count']} contexts"
    )


if __name__ == "__main__":
    main()
