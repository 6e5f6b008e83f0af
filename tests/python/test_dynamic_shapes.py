"""Models with several input shapes: every way of running them, on the software NPU."""

import threading

import numpy as np
import pytest
from fixtures import fixtures

import ez_rknn_async as ez

BUILDS = fixtures(network="dynamic_shapes", target="rk3588")
SHAPES = [[1, 3, 16, 16], [1, 3, 24, 16]]
OUTPUTS = {(1, 3, 16, 16): (1, 8, 8, 8), (1, 3, 24, 16): (1, 8, 12, 8)}


@pytest.fixture(params=BUILDS, ids=repr)
def model(request):
    def open_model(**options):
        return ez.InferenceSession(request.param.path, provider_options={"runtime": "software", **options})

    return request.param, open_model


def frames(count, seed=0):
    random = np.random.default_rng(seed)
    return [random.standard_normal(SHAPES[k % 2]).astype(np.float32) for k in range(count)]


@pytest.mark.contract("3/16", "1.7/more-facts")
def test_weakness_16_every_shape_of_the_model_can_be_run(model):
    f, open_model = model
    session = open_model()
    (node,) = session.get_inputs()
    assert sorted(node.dynamic_shapes) == SHAPES and node.shape in SHAPES
    for _ in range(3):  # back and forth
        for feed, expected in f.sets():
            results = session.run(None, feed)
            assert results[0].shape == OUTPUTS[feed["x"].shape]
            f.check(results, expected)


def test_shapes_follow_the_layout(model):
    _, open_model = model
    (x,) = frames(1)
    expected = open_model().run(None, x)[0]
    for layout in ("nhwc", "any"):
        session = open_model(layout=layout)
        (node,) = session.get_inputs()
        assert sorted(node.dynamic_shapes) == [[s[0], s[2], s[3], s[1]] for s in SHAPES]
        assert np.array_equal(session.run(None, np.ascontiguousarray(x.transpose(0, 2, 3, 1)))[0], expected)
    assert np.array_equal(open_model(layout="nchw_software").run(None, x)[0], expected)


def test_a_shape_that_the_model_does_not_have_is_refused_and_the_others_listed(model):
    _, open_model = model
    session = open_model()
    for shape in ((1, 3, 20, 16), (1, 3, 16, 24), (2, 3, 16, 16), (3, 16, 16), (1, 3, 0, 16)):
        with pytest.raises(ez.InvalidArgument) as e:
            session.run(None, np.zeros(shape, np.float32))
        text = str(e.value)
        assert f"{list(shape)} given" in text and all(str(s) in text for s in SHAPES), text
        with pytest.raises(ez.InvalidArgument):
            session.run_async(None, np.zeros(shape, np.float32), lambda *_: None)
        with pytest.raises(ez.InvalidArgument):
            session.run_pipeline(np.zeros(shape, np.float32))
    assert session.run(None, frames(1)[0])[0].shape == (1, 8, 8, 8)


def test_run_async_with_shapes_that_alternate(model):
    _, open_model = model
    xs = frames(12)
    expected = [open_model().run(None, x)[0] for x in xs]
    session = open_model(schedule=[0, 1, 2])
    seen, done = [], threading.Event()
    for k, x in enumerate(xs):
        session.run_async(None, x, lambda r, k, e: (seen.append((k, r, e)), k == 11 and done.set()), k)
    assert done.wait(60)
    assert [k for k, _, _ in seen] == list(range(12))
    for k, results, error in seen:
        assert error == "" and np.array_equal(results[0], expected[k])


def test_run_pipeline_with_shapes_that_alternate(model):
    _, open_model = model
    xs = frames(8)
    reference, session = open_model(), open_model(schedule=[0, 1, 2])
    got = [session.run_pipeline(x, depth=3) for x in xs]
    assert got[:3] == [None] * 3
    for x, results in zip(xs, got[3:], strict=False):
        assert np.array_equal(results[0], reference.run(None, x)[0])


def test_a_batch_of_any_shape(model):
    _, open_model = model
    session = open_model(schedule=[0, 1, 2])
    for shape in SHAPES:
        batch = np.random.default_rng(1).standard_normal((5, *shape[1:])).astype(np.float32)
        (together,) = session.run(None, batch, {"ztu_modelrt_dispatch_batch": True})
        assert together.shape == (5, *OUTPUTS[tuple(shape)][1:])
        for k in range(5):
            assert np.array_equal(together[k : k + 1], session.run(None, batch[k : k + 1])[0])


def test_threads_with_different_shapes(model):
    _, open_model = model
    session = open_model(schedule=[0, 1, 2])
    xs = frames(6, seed=2)
    expected = [session.run(None, x)[0] for x in xs]
    wrong = []

    def work(t):
        for k in range(20):
            i = (t + k) % len(xs)
            if not np.array_equal(session.run(None, xs[i])[0], expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_native_outputs_have_the_shape_of_their_input(model):
    _, open_model = model
    session = open_model(output_dtype="native")
    types = {"int8": np.int8, "float16": np.float16}
    for x in frames(2):
        (y,) = session.run(None, x)
        assert y.shape == OUTPUTS[x.shape] and y.dtype == types[model[0].kind]
