"""The rows of the contract, and the tests that show them: read from rows.toml and from the sources of tests/python.

Markers are read from the source text, so that the table can be made and checked without building anything.
"""

import ast
import pathlib
from dataclasses import dataclass, field

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = ROOT / "tests" / "contract" / "rows.toml"
TESTS = ROOT / "tests" / "python"
VERDICTS = ("yes", "differs", "not-applicable", "open")


@dataclass
class Row:
    id: str
    item: str
    verdict: str
    reason: str = ""
    shown_by: list[str] = field(default_factory=list)
    """Tests of other languages: "tests/unit/session/x_test.cpp: name of the test"."""

    @property
    def section(self) -> str:
        return self.id.partition("/")[0]


def load() -> dict[str, Row]:
    table = tomllib.loads(ROWS.read_text())
    return {id: Row(id, **fields) for id, fields in table.items()}


def _rows_named_in(node: ast.AST):
    """The arguments of every pytest.mark.contract(...) below `node`."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.contract":
            yield from (argument.value for argument in call.args if isinstance(argument, ast.Constant))


def _marked(body, path, inherited=()):
    for node in body:
        if isinstance(node, ast.ClassDef):
            rows = [*inherited, *(r for d in node.decorator_list for r in _rows_named_in(d))]
            yield from _marked(node.body, path, rows)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for row in dict.fromkeys([*inherited, *(r for d in node.decorator_list for r in _rows_named_in(d))]):
                yield row, f"{path.stem}::{node.name}"


def tests_by_row() -> dict[str, list[str]]:
    shown: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        module = ast.parse(path.read_text(), str(path))
        everywhere = [
            row
            for node in module.body
            if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["pytestmark"]
            for row in _rows_named_in(node.value)
        ]
        for row, test in _marked(module.body, path, everywhere):
            shown.setdefault(row, []).append(test)
    return shown


def mistakes(rows: dict[str, Row], shown: dict[str, list[str]]):
    """What is wrong with the two, a line each."""
    for id in shown.keys() - rows.keys():
        yield f"{id}: marked in {shown[id][0]}, not in rows.toml"
    for row in rows.values():
        if row.verdict not in VERDICTS:
            yield f"{row.id}: verdict {row.verdict!r}; accepted: {', '.join(VERDICTS)}"
        if row.verdict == "yes" and not (row.id in shown or row.shown_by):
            yield f"{row.id}: yes, and no test shows it"
        if row.verdict != "yes" and not row.reason:
            yield f"{row.id}: {row.verdict}, and no reason"
        for entry in row.shown_by:
            path, _, name = entry.partition(": ")
            file = ROOT / path
            if not file.is_file() or name not in file.read_text():
                yield f"{row.id}: shown_by {entry!r}: there is no such test"
