"""What a case of the series is, and the short forms the lists of cases are written in."""

import dataclasses
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "fixtures"))

from graph import Graph, uniform  # noqa: E402

CASES = []


@dataclasses.dataclass
class Case:
    operator: str  # as the vendor's list calls it, or what it is about: the folder it goes to
    name: str  # unique within the operator
    fill: object  # fills the Graph it is given
    opset: int = 13
    kinds: tuple = ("i8", "fp16")  # and i16 (w16a16i)
    deep: bool = False  # several layers: judged as a network
    batch: int = 1  # rknn_batch_size
    config: dict = dataclasses.field(default_factory=dict)
    load: dict = dataclasses.field(default_factory=dict)
    build: dict = dataclasses.field(default_factory=dict)
    set_shapes: list | None = None  # input shapes of each set (dynamic_input)
    normalise: tuple | None = None  # (mean, std) of each channel: the .rknn takes raw pictures
    weights_from: bool = False  # the build lacks its weights; they come from the same network's plain build

    def graph(self):
        g = Graph(f"{self.operator}_{self.name}", self.opset)
        self.fill(g)
        return g


def network(operator, **options):
    """Decorator: the function fills the graph, its name is the case's."""

    def register(fill):
        CASES.append(Case(operator, fill.__name__, fill, **options))
        return fill

    return register


@dataclasses.dataclass
class X:
    """An input of the graph."""

    shape: tuple
    low: float = -2
    high: float = 2
    dtype: str = "float32"
    sample: object = None


def x(*shape, **kw):
    return X(shape, **kw)


def w(*shape, scale=None):
    """Random weights."""
    return lambda g: g.weight(*shape, scale=scale)


def ints(*values):
    return np.array(values, np.int64)


def f32(*values):
    return np.array(values, np.float32)


def scalar(value):
    return np.float32(value)


def operand(g, spec, n):
    if isinstance(spec, X):
        return g.input(f"x{n}", *spec.shape, sample=spec.sample or uniform(spec.low, spec.high), dtype=spec.dtype)
    if isinstance(spec, str):  # an absent operand
        return spec
    return spec(g) if callable(spec) else g.const(spec)


CASE_OPTIONS = {f.name for f in dataclasses.fields(Case)} - {"name", "fill"}


def one(kind, name, *operands, outputs=1, out="float32", then=None, **attributes):
    """A graph of one node. Operands: x(...), arrays, w(...), "" for none. `then(g, y)` appends to its outputs. Options of
    Case among the keywords go there; all others are the node's attributes."""
    options = {k: attributes.pop(k) for k in list(attributes) if k in CASE_OPTIONS}

    def fill(g):
        names = [operand(g, spec, n) for n, spec in enumerate(operands)]
        y = g.op(kind, *names, outputs=outputs, **attributes)
        types = out if isinstance(out, tuple) else (out,) * outputs
        for v, dtype in zip(y if outputs > 1 else [y], types):
            g.output(then(g, v) if then else v, dtype=dtype)

    CASES.append(Case(options.pop("operator", kind), name, fill, **options))


def to_float(g, y):
    return g.op("Cast", y, to=1)


def fp16_only(kinds=("fp16",)):
    return {"kinds": kinds}
