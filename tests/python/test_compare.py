"""Layer by layer accuracy: `ez-rknn compare`, ez_rknn_async.accuracy, and the tensors EZ_RKNN_DUMP leaves."""

import json

import numpy as np
import pytest
from conftest import MODELS
from fixtures import fixture
from test_cli import ez_rknn, succeed

import ez_rknn_async as ez
from ez_rknn_async.accuracy import compare, fields

SOFTWARE = {"runtime": "software"}
DIGITS = MODELS / "digits"


def picture():
    return np.load(DIGITS / "digits_test.npz")["images"][3].transpose(2, 0, 1)[None]


@pytest.mark.parametrize(("build", "cosine", "relative"), [("i8", 0.99, 0.1), ("fp16", 0.99999, 0.005)])
def test_layers_of_a_network_are_compared_by_name(build, cosine, relative, tmp_path):
    np.save(tmp_path / "picture.npy", picture())
    arguments = DIGITS / f"digits_{build}.rknn", "--onnx", DIGITS / "digits.onnx", "--input", tmp_path / "picture.npy"
    result = json.loads(succeed("compare", *arguments, "--json"))
    rows = {row["name"]: row for row in result["tensors"]}
    assert len(rows) >= 5 and "logits" in rows and result["inputs"] == "given"
    assert all(row["cosine"] > cosine and row["relative"] < relative for row in rows.values()), rows
    # Quantised tensors are judged in steps too; a step of the difference is the scale.
    assert ("max_steps" in rows["logits"]) == (build == "i8")
    text = succeed("compare", *arguments)
    assert "logits" in text and "cosine" in text and "random" not in text
    assert len(succeed("compare", *arguments, "--worst", 2).splitlines()) < len(text.splitlines())


def test_the_layer_that_differs_is_found(tmp_path):
    """A weight of the reference changed: everything before that layer agrees, it and what follows does not."""
    content = bytearray((MODELS / "fixtures" / "residual.onnx").read_bytes())
    (graph,) = [part for number, part in fields(memoryview(content)) if number == 7]
    tensors = [part for number, part in fields(graph) if number == 5]
    last_weight = next(raw for number, raw in fields(tensors[4]) if number == 9)
    last_weight[:] = (-np.frombuffer(last_weight, np.float32)).tobytes()
    (tmp_path / "changed.onnx").write_bytes(content)
    model = fixture("residual_fp16")
    feed, _ = next(model.sets())
    sound = compare(model.path, MODELS / "fixtures" / "residual.onnx", feed)["tensors"]
    changed = compare(model.path, tmp_path / "changed.onnx", feed)["tensors"]
    assert all(row["cosine"] > 0.9999 for row in sound)
    bad = [row["name"] for row in changed if row["cosine"] < 0.99]
    assert bad and bad == [row["name"] for row in changed][-len(bad) :] and len(bad) < len(changed)


def test_inputs_left_out_are_random_and_said_to_be():
    model = fixture("multi_io_i8")
    text = succeed("compare", model.path, "--onnx", MODELS / "fixtures" / "multi_io.onnx")
    assert "random" in text
    again = [compare(model.path, MODELS / "fixtures" / "multi_io.onnx", seed=s) for s in (1, 1, 2)]
    assert again[0] == again[1] != again[2]
    assert all(row["cosine"] > 0.98 for row in again[0]["tensors"]), again[0]


def test_models_that_normalise_their_pictures_are_compared_behind_that():
    rows = compare(fixture("image_u8_i8").path, MODELS / "fixtures" / "image_u8.onnx")["tensors"]
    assert rows and all(row["cosine"] > 0.98 for row in rows)


def test_batches_are_compared_sample_by_sample():
    model = fixture("batch2_i8")
    feed, _ = next(model.sets())
    rows = compare(model.path, MODELS / "fixtures" / "batch2.onnx", feed)["tensors"]
    assert rows and all(row["shape"][0] == 2 and row["cosine"] > 0.99 for row in rows)


@pytest.mark.parametrize(
    ("onnx", "text"),
    [
        (DIGITS / "digits_i8.rknn", "not an ONNX file"),
        (MODELS / "fixtures" / "residual.onnx", "does not have"),
        ("none", "none"),
    ],
)
def test_what_cannot_be_compared_is_said(onnx, text):
    done = ez_rknn("compare", DIGITS / "digits_i8.rknn", "--onnx", onnx)
    assert done.returncode == 1 and text in done.stderr and "Traceback" not in done.stderr


def test_the_dump_holds_every_tensor_of_every_run(tmp_path, monkeypatch):
    monkeypatch.setenv("EZ_RKNN_DUMP", str(tmp_path / "dump"))
    session = ez.InferenceSession(DIGITS / "digits_i8.rknn", provider_options=SOFTWARE)
    for value in (picture(), picture() // 2):
        expected = session.run(None, value)[0]
        newest = max((tmp_path / "dump").iterdir(), key=lambda p: int(p.name.split("-")[1]))
        index = {entry["tensor"]: entry for entry in json.loads((newest / "index.json").read_text())}
        logits = np.load(newest / index["logits"]["file"])
        assert logits.dtype == np.float32 and np.array_equal(logits.ravel(), expected.ravel())
        assert index["logits"]["dtype"] == "int8" and index["logits"]["scale"] > 0
        # The picture is there as the network sees it: normalised.
        assert 0 < np.abs(np.load(newest / index["image"]["file"])).max() <= 1.02
    assert len(list((tmp_path / "dump").iterdir())) == 2


def test_a_dump_that_cannot_be_written_fails_the_run(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EZ_RKNN_DUMP", str(tmp_path / "file"))
    session = ez.InferenceSession(DIGITS / "digits_i8.rknn", provider_options=SOFTWARE)
    with pytest.raises(RuntimeError, match="EZ_RKNN_DUMP"):
        session.run(None, picture())
