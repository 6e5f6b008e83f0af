"""The marker `contract`: `@pytest.mark.contract("1.4/feed-forms", ...)` says which rows of rows.toml a test shows."""

import contract_rows
import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "contract(*row_ids): the rows of tests/contract/rows.toml that this test shows")


def pytest_collection_modifyitems(items):
    rows = contract_rows.load()
    unknown = [
        f"{item.nodeid}: {row!r}"
        for item in items
        for marker in item.iter_markers("contract")
        for row in marker.args
        if row not in rows
    ]
    if unknown:
        raise pytest.UsageError("unknown rows, not in tests/contract/rows.toml:\n  " + "\n  ".join(unknown))
