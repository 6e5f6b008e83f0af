"""The examples do what they say, are short, and are called as users call them: in processes of their own."""

import asyncio
import csv
import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import MODELS, ROOT
from PIL import Image

import ez_rknn_async as ez

EXAMPLES = ROOT / "examples"
DIGITS = MODELS / "digits" / "digits_i8.rknn"
MOST_LINES = 100
pytestmark = pytest.mark.timeout(900)  # pictures of a whole video, on a machine that may be busy


def run(example, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"EZ_RKNN_RUNTIME": "software"},
    )
    assert done.returncode == code, done.stderr
    return done


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """(folder of eight PNG files, the digits that a session takes them for)."""
    folder = tmp_path_factory.mktemp("pictures")
    session = ez.InferenceSession(DIGITS)
    digits = []
    for k, image in enumerate(np.load(MODELS / "digits/digits_test.npz")["images"][:8, :, :, 0]):
        Image.fromarray(image).save(folder / f"{k}.png")
        digits.append(int(session.run(None, [image[None, None]])[0].argmax()))
    assert len(set(digits)) > 3
    return folder, digits


@pytest.mark.parametrize("path", sorted([*EXAMPLES.glob("*.py"), *EXAMPLES.glob("cpp/*.[ch]pp")]), ids=lambda p: p.name)
def test_examples_are_short(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_classify(pictures):
    folder, digits = pictures
    lines = run("classify.py", DIGITS, *sorted(folder.iterdir())).stdout.splitlines()
    assert [int(re.search(r"png: (\d) \(\d", line)[1]) for line in lines] == digits


def test_batch_folder(pictures, tmp_path):
    folder, digits = pictures
    for path in folder.iterdir():
        (tmp_path / "in" / path.name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    done = run("batch_folder.py", DIGITS, tmp_path / "in", tmp_path / "results.csv")
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert [(row["file"], int(row["class"])) for row in rows] == [(f"{k}.png", d) for k, d in enumerate(digits)]
    assert "notes.txt: not a picture" in done.stderr and "8/9" in done.stderr


def test_zero_copy_chain():
    text = run("zero_copy_chain.py").stdout
    right, total = map(int, re.search(r"(\d+) of (\d+) digits right", text).groups())
    assert total == 360 and right > 0.97 * total
    assert "used in place by 2 contexts" in text


def test_web_handler(pictures):
    pytest.importorskip("aiohttp")
    from aiohttp.test_utils import TestClient, TestServer

    folder, digits = pictures
    handler = load("web_handler", EXAMPLES / "web_handler.py")

    async def talk():
        async with TestClient(TestServer(handler.make_app(DIGITS))) as client:
            posts = [client.post("/classify", data=(folder / f"{k}.png").read_bytes()) for k in range(8)]
            answers = [await (await post).json() for post in posts]
            many = await asyncio.gather(
                *(client.post("/classify", data=(folder / "0.png").read_bytes()) for _ in range(40))
            )
            assert {response.status for response in many} == {200}
            wrong = await client.post("/classify", data=b"no picture")
            assert wrong.status == 400 and "picture" in (await wrong.json())["error"]
            assert (await (await client.get("/stats")).json())["completed"] == 48
        return answers

    assert [answer["class"] for answer in asyncio.run(talk())] == digits


def matches(detections, shapes, example, box):
    """How many of the shapes are found: the right class, and a box that is mostly the drawn one."""
    return sum(
        any(kind == shape[0] and example.overlap(corners, box(shape)) > 0.6 for kind, _, corners in detections)
        for shape in shapes
    )


def test_detect_video(tmp_path):
    """Against where the shapes were drawn, over the whole video and over scenes that the detector has not seen."""
    output = tmp_path / "shapes.gif"
    text = run("detect_video.py", output).stdout
    with Image.open(output) as gif:
        assert gif.n_frames == 60 and gif.size == (288, 288)
    example = load("detect_video", EXAMPLES / "detect_video.py")
    from scenes import box, scene

    session = ez.InferenceSession(MODELS / "shapes/shapes_i8.rknn", provider_options={"layout": "nhwc"})
    random = np.random.default_rng(99)
    for name, frames in (("video", list(example.video(60))), ("scenes", [scene(random) for _ in range(40)])):
        drawn = found = right = 0
        for frame, shapes in frames:
            detections = example.decode(session.run(None, [frame[None]]))
            drawn, found = drawn + len(shapes), found + len(detections)
            right += matches(detections, shapes, example, box)
        assert right >= 0.95 * drawn and right >= 0.95 * found, (name, drawn, found, right)
        if name == "video":
            assert f"60 frames, {found} shapes found" in text  # the pipeline gives what single runs give
