"""Everything public is documented, and has types."""

import inspect
import pathlib
import subprocess
import sys

import pytest
from conftest import ROOT

import ez_rknn_async as ez

PACKAGE = pathlib.Path(ez.__file__).parent


def members():
    """(name, object) of every public function and class, and of what the package's own classes add."""
    for name in ez.__all__:
        thing = getattr(ez, name)
        if inspect.ismodule(thing):
            continue
        yield name, thing
        if not inspect.isclass(thing):
            continue
        for base in inspect.getmro(thing):
            if not base.__module__.startswith("ez_rknn_async"):
                continue
            for member, value in vars(base).items():
                if not member.startswith("_") and not isinstance(value, str | int | bool | type(None) | base):
                    yield f"{name}.{member}", inspect.getattr_static(base, member)


@pytest.mark.contract("1.1/typed")
@pytest.mark.parametrize(("name", "thing"), [pytest.param(*m, id=m[0]) for m in dict(members()).items()])
def test_everything_public_is_documented(name, thing):
    if inspect.ismemberdescriptor(thing):  # an attribute in __slots__: its class documents it
        return
    text = inspect.getdoc(thing)
    assert text and len(text) > 10, name


@pytest.mark.contract("1.1/typed")
@pytest.mark.parametrize("module", ["_core", "_file"])
def test_stubs_are_those_of_the_extension_modules(module, tmp_path):
    """`make stubs` writes them again after a change in python/src."""
    made = tmp_path / f"{module}.pyi"
    command = [sys.executable, ROOT / "tools" / "stubs.py", "--module", module, "--output", made]
    subprocess.run(command, check=True, capture_output=True)
    committed = ROOT / "python" / "ez_rknn_async" / f"{module}.pyi"
    assert committed.read_text() == made.read_text(), f"{committed} is not current: run `make stubs`"
    assert (PACKAGE / f"{module}.pyi").exists() and (PACKAGE / "py.typed").exists()
