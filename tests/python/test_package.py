"""The package itself: names, versions, cost of an import."""

import os
import subprocess
import sys

import ez_rknn_async
import ztu_somemodelruntime_ez_rknn_async as alias


def test_the_alias_has_every_name():
    assert alias.__version__ == ez_rknn_async.__version__
    for name in ez_rknn_async.__all__:
        assert getattr(alias, name) is getattr(ez_rknn_async, name)
    for name in (
        "InferenceSession",
        "NodeArg",
        "ModelMetadata",
        "RknnProviderOptions",
        "Rknpu2ProviderOptions",
        "Rknpu3ProviderOptions",
        "make_provider_options",
        "make_rknpu2_provider_options",
        "make_rknpu3_provider_options",
    ):
        assert hasattr(alias, name)
    assert alias.Rknpu2ProviderOptions is alias.RknnProviderOptions


def test_it_is_typed():
    folder = os.path.dirname(ez_rknn_async.__file__)
    assert os.path.exists(os.path.join(folder, "py.typed"))
    assert os.path.exists(os.path.join(folder, "_core.pyi"))


def test_import_costs_little_beyond_numpy():
    code = (
        "import time, numpy, sys; before = set(sys.modules); t = time.process_time(); import ez_rknn_async;"
        "print(time.process_time() - t); print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(5)
    ]
    assert min(float(r.split("\n")[0]) for r in runs) < 0.05
    assert set(runs[0].split("\n")[1].split()) <= {"ez_rknn_async", "atexit", "typing"} | set(sys.stdlib_module_names)
