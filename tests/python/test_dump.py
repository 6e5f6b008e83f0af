"""`ez-rknn dump`, called as users call it."""

import json

import pytest
from conftest import MODELS
from test_cli import ez_rknn, succeed

from ez_rknn_async import _file

DIGITS = MODELS / "digits" / "digits_i8.rknn"


def dumped(*arguments):
    return json.loads(succeed("dump", DIGITS, "--json", *arguments))


def test_everything_is_there_and_agrees_with_info():
    facts = dumped()
    info = json.loads(succeed("info", DIGITS, "--json"))
    (graph,) = facts["graphs"]
    assert facts["target"] == info["target"] and facts["file_bytes"] == info["file_bytes"]
    (known,) = info["graphs"]
    assert [graph["tensors"][t]["name"] for t in graph["inputs"]] == [t["name"] for t in known["inputs"]]
    assert [n["type"] for n in graph["nodes"]] == [n["type"] for n in known["nodes"]]
    assert [[graph["tensors"][t]["name"] for t in n["outputs"]] for n in graph["nodes"]] == [
        n["outputs"] for n in known["nodes"]
    ]
    assert len(graph["tasks"]) == sum(n["task_count"] for n in graph["nodes"])
    for node in graph["nodes"]:
        for task in graph["tasks"][node["first_task"] :][: node["task_count"]]:
            assert task["node"] == node["id"]
    conv = next(n for n in graph["nodes"] if n["type"] == "ConvAddRelu" or n["type"].startswith("Conv"))
    assert conv["attributes"]["kernel_shape"] == [3, 3]
    registers = graph["tasks"][conv["first_task"]]["registers"]
    assert any(line.startswith("1014 CNA ") for line in registers)
    weights = [graph["tensors"][t] for t in conv["inputs"] if graph["tensors"][t]["kind"] == "constant"]
    assert weights and all(t["data_bytes"] > 0 for t in weights)


def test_text_has_the_same_parts():
    text = succeed("dump", DIGITS)
    for part in (
        "rk3588",
        "tensors",
        "nodes",
        "tasks",
        "FEATURE_DATA_ADDR = 'image'",
        "kernel_shape = [3, 3]",
        "1014 CNA ",
        "CNA+CORE+DPU",
    ):
        assert part in text, part


def test_filters():
    assert set(dumped("--tensors")["graphs"][0]) == {"inputs", "outputs", "arena_bytes", "tensors"}
    assert set(dumped("--nodes", "--tasks")["graphs"][0]) == {"inputs", "outputs", "arena_bytes", "nodes", "tasks"}
    graph = dumped("--node", 1)["graphs"][0]
    assert [n["id"] for n in graph["nodes"]] == [1]
    assert graph["tasks"] and all(t["node"] == 1 for t in graph["tasks"])
    (node,) = graph["nodes"]
    assert {t["id"] for t in graph["tensors"]} == set(node["inputs"] + node["outputs"])
    text = succeed("dump", DIGITS, "--tensors")
    assert "tensors" in text and "1014 CNA" not in text and "kernel_shape" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.rknn"], "missing.rknn"),
        ([__file__], "RKNN"),
        ([DIGITS, "--node", "999"], "--node 999: the model has nodes 0 to "),
        ([DIGITS, "--node", "-1"], "--node -1"),
    ],
)
def test_mistakes_are_named(arguments, said):
    done = ez_rknn("dump", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["fixtures", "seed"])
def test_every_model_can_be_dumped(name):
    from ez_rknn_async.cli import dump

    for model in sorted((MODELS / name).glob("*.rknn")):
        facts = _file.describe(str(model))
        facts["graphs"] = [dump.select(g, None, ["tensors", "nodes", "tasks"]) for g in _file.dump(str(model), True)]
        assert json.loads(json.dumps(facts)) == facts
        assert all("registers" in task for graph in facts["graphs"] for task in graph["tasks"]), model
        assert facts["target"] in dump.as_text(str(model), facts)
