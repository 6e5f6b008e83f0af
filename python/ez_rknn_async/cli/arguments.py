"""Arguments that several commands have, and how their text is read. What is not understood is a ValueError, as argparse expects."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable, Sequence
from typing import Any


def complete(action: argparse.Action, kind: str) -> None:
    """Say what a shell may complete an argument with: "file" or "directory" (shtab reads this attribute)."""
    try:
        import shtab
    except ImportError:
        return
    action.complete = {"file": shtab.FILE, "directory": shtab.DIRECTORY}[kind]  # type: ignore[attr-defined]


def add_model(parser: argparse.ArgumentParser, **options: Any) -> None:
    complete(parser.add_argument("model", **{"help": "a .rknn file"} | options), "file")


def add_runtime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runtime", help='"npu", "software" or the path of a librknnrt (default: the usual choice)')


def add_inputs(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=FILE.npy",
        help=f"once per model input; NAME= may be left out when the model has one input{otherwise}",
    )


def add_file(parser: argparse.ArgumentParser, *names: str, **options: Any) -> None:
    complete(parser.add_argument(*names, **{"metavar": "FILE"} | options), "file")


def positive(kind: type) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = kind(text)
        if not 0 < value < 1e6:
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"  # how argparse names what it expected
    return parse


def counts(text: str) -> list[int]:
    """ "1,2,3" """
    values = [int(part) for part in text.split(",")]
    if not all(0 < value < 1000 for value in values):
        raise ValueError
    return values


def read_inputs(arguments: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Arrays by input name, of arguments NAME=FILE.npy or, for a model with one input, FILE.npy."""
    import numpy as np

    feed = {}
    for argument in arguments:
        name, separator, path = argument.partition("=")
        if not separator:
            if len(names) != 1:
                raise ValueError(
                    f"--input {argument}: the model has {len(names)} inputs, write NAME={argument} with one of {', '.join(names)}"
                )
            name, path = names[0], argument
        if name not in names:
            raise ValueError(f"--input {argument}: the model has no input {name!r}; it has {', '.join(names)}")
        feed[name] = np.load(path, allow_pickle=False)
    missing = [name for name in names if name not in feed]
    if missing:
        raise ValueError(f"no --input for {', '.join(missing)}")
    return feed


def write_page(path: str, page: str) -> str:
    """Write a self-contained HTML page; returns the path."""
    pathlib.Path(path).write_text(page, encoding="utf-8")
    return path
