"""tests/soak/leaks.py, briefly: nothing grows with the number of calls, sessions or errors."""

import importlib.util

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def leaks():
    spec = importlib.util.spec_from_file_location("leaks", ROOT / "tests" / "soak" / "leaks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_grows(fake, leaks):
    lines = []
    fake._script(b"")
    grown = leaks.measure(leaks.Target(fake.MODEL, fake.path), 0.05, lines.append)
    assert not grown, "\n".join(lines)
    assert fake.live_contexts() == 0


def test_the_measurement_sees_a_leak(fake, leaks, monkeypatch):
    """A soak test that cannot fail is worth nothing: here something is kept on purpose, more than what earlier tests may free meanwhile."""
    kept = []
    monkeypatch.setattr(leaks, "CYCLES", {"keeps": (lambda target, n: kept.append(b"x" * (n << 22)), 40)})
    fake._script(b"")
    assert leaks.measure(leaks.Target(fake.MODEL, fake.path), 1, lambda _: None) == ["keeps"]
