"""convert: an ONNX file becomes a .rknn file, by the vendor's rknn-toolkit2 in an interpreter of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import _toolkit, errors

__all__ = ["convert"]

StrPath = str | os.PathLike[str]
Numbers = Sequence[float] | Sequence[Sequence[float]]
Samples = StrPath | Iterable[np.ndarray | Sequence[np.ndarray]]


def convert(
    onnx: StrPath,
    output: StrPath,
    *,
    target: str = "rk3588",
    dataset: Samples | None = None,
    quantise: bool | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    rgb2bgr: bool = False,
    custom_string: str | None = None,
    remove_weight: bool = False,
    inputs: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    config: Mapping[str, Any] | None = None,
    load: Mapping[str, Any] | None = None,
    build: Mapping[str, Any] | None = None,
    python: StrPath | None = None,
    timeout: float = 3600,
    log: Callable[[str], None] | None = None,
) -> Path:
    """Compile a model. Returns the path of the .rknn file, which appears only when it is complete.

    onnx, output   the file to read, the file to write (replaced if it exists)
    target         the chip: "rk3588", "rk3576", "rk3566", ...
    dataset        samples to quantise with: a text file that lists them as the toolkit reads it (a sample a line: pictures, or
                   .npy files, one per input), or the samples themselves, each an array, or a list of arrays for several inputs,
                   with the shape of the model's input
    quantise       int8 (True) or fp16 (False); None: int8 if there is a dataset
    mean, std      the model is given (x - mean) / std: a number per channel; a list of such lists for several inputs
    rgb2bgr        pictures of the dataset are read as BGR
    custom_string  text that the file carries, for get_modelmeta()
    remove_weight  leave the weights out; the file then needs use_weight_from
    inputs, outputs  cut the network here: names with shapes, names
    config, load, build  further arguments of the toolkit's RKNN.config, RKNN.load_onnx and RKNN.build, as it names them
    python         the toolkit's interpreter; None: $RKNN_TOOLKIT_PYTHON, or this interpreter if it has the toolkit
    timeout        seconds
    log            receives the toolkit's log, a line at a time; None: standard error

    Raises NoSuchFile (onnx, a dataset file or the output's folder), InvalidArgument, ToolkitMissing (the message says what to
    install) and ToolkitError (it refused the model or died; the message ends with its own last lines).
    """
    source, destination = Path(onnx), Path(output)
    if not source.is_file():
        raise errors.NoSuchFile(f"{source}: no such file")
    if not destination.parent.is_dir():
        raise errors.NoSuchFile(f"{destination.parent}: no such folder")
    quantise = dataset is not None if quantise is None else quantise
    samples = _samples(dataset) if quantise else ()
    if quantise and not samples:
        raise errors.InvalidArgument("quantise needs a dataset: samples of what the model will be given")
    settings = {
        "mean_values": _per_input("mean", mean),
        "std_values": _per_input("std", std),
        "quant_img_RGB2BGR": rgb2bgr or None,
        "custom_string": custom_string,
        "remove_weight": remove_weight or None,
    }
    cut = {
        "inputs": list(inputs) if inputs else None,
        "input_size_list": [[int(n) for n in shape] for shape in inputs.values()] if inputs else None,
        "outputs": list(outputs) if outputs else None,
    }
    with tempfile.TemporaryDirectory(prefix=".ez-rknn-", dir=destination.parent) as folder:
        built = Path(folder) / destination.name
        job = _toolkit.Job(
            onnx=str(source),
            rknn=str(built),
            target=target,
            quantise=quantise,
            calibration=samples,
            feeds=None,
            config=_merged("config", settings, config),
            load=_merged("load", cut, load),
            build=dict(build or {}),
        )
        try:
            with _toolkit.Toolkit(python, timeout=timeout, on_line=log or _to_standard_error) as toolkit:
                toolkit.build(job)
        except _toolkit.ToolkitMissing as e:
            raise errors.ToolkitMissing(str(e)) from None
        except _toolkit.BuildError as e:
            raise errors.ToolkitError(f"{source}: {e}") from None
        if not built.is_file():
            raise errors.ToolkitError(f"{source}: the toolkit reported success and wrote no file")
        built.replace(destination)
    return destination


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _samples(dataset: Samples | None) -> Sequence[Sequence[np.ndarray]] | str:
    if dataset is None:
        return ()
    if isinstance(dataset, str | os.PathLike):
        path = os.fspath(dataset)
        if not os.path.isfile(path):
            raise errors.NoSuchFile(f"dataset {path}: no such file")
        return path
    return [[sample] if isinstance(sample, np.ndarray) else [np.asarray(a) for a in sample] for sample in dataset]


def _per_input(name: str, values: Numbers | None) -> list[list[float]] | None:
    """The toolkit's form, a list per input, from that or from one list."""
    if values is None:
        return None
    rows: list[Any] = list(values)
    try:
        if not any(isinstance(row, Sequence | np.ndarray) for row in rows):
            rows = [rows]
        return [[float(v) for v in row] for row in rows]
    except (TypeError, ValueError):
        raise errors.InvalidArgument(
            f"{name}: {values!r} given; accepted: a number per channel, or a list of such lists, one per input"
        ) from None


def _merged(name: str, ours: Mapping[str, Any], further: Mapping[str, Any] | None) -> dict[str, Any]:
    given = {key: value for key, value in ours.items() if value is not None}
    twice = sorted(given.keys() & (further or {}).keys())
    if twice:
        raise errors.InvalidArgument(f"{name}: {', '.join(twice)} given twice, there and as an argument of convert")
    return given | dict(further or {})
