"""The package itself: names, versions, cost of an import."""

import os
import subprocess
import sys

import pytest

import ez_rknn_async
import ztu_somemodelruntime_ez_rknn_async as alias


@pytest.mark.contract("1.1/names", "1.1/generation-names", "1.1/version")
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


@pytest.mark.contract("1.1/names", "2/exceptions")
def test_the_aliass_modules_are_the_same_objects():
    import ztu_somemodelruntime_ez_rknn_async.capi.onnxruntime_pybind11_state as same_state
    from ztu_somemodelruntime_ez_rknn_async.capi.onnxruntime_inference_collection import InferenceSession

    import ez_rknn_async.capi.onnxruntime_pybind11_state as state
    from ez_rknn_async.capi import _pybind_state, onnxruntime_inference_collection
    from ztu_somemodelruntime_ez_rknn_async import capi, errors

    assert same_state is state and capi.onnxruntime_pybind11_state is state and errors is ez_rknn_async.errors
    assert InferenceSession is onnxruntime_inference_collection.InferenceSession is ez_rknn_async.InferenceSession
    for name in ("Fail", "NotImplemented", "NotFound", "get_available_providers", "SessionOptions"):
        assert getattr(state, name) is getattr(_pybind_state, name)


@pytest.mark.contract("1.1/typed")
def test_it_is_typed():
    folder = os.path.dirname(ez_rknn_async.__file__)
    assert os.path.exists(os.path.join(folder, "py.typed"))
    assert os.path.exists(os.path.join(folder, "_core.pyi"))


@pytest.mark.contract("2/dependencies", "1.12/dependencies")
def test_an_import_loads_numpy_and_the_standard_library_only():
    code = (
        "import numpy, sys; before = set(sys.modules); import ez_rknn_async;"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {"ez_rknn_async"} | set(sys.stdlib_module_names)
