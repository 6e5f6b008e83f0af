"""use_weight_from: a model exported without its weights runs on those of another session."""

import gc
import threading

import numpy as np
import pytest
from fixtures import fixture

import ez_rknn_async as ez

WHOLE, BARE = fixture("shared_weights_i8"), fixture("shared_weights_without_weights")
SOFTWARE = {"runtime": "software"}


def open_whole(**options):
    return ez.InferenceSession(WHOLE.path, provider_options=SOFTWARE | options)


def open_bare(master, **options):
    return ez.InferenceSession(BARE.path, provider_options=SOFTWARE | options, use_weight_from=master)


@pytest.mark.contract("1.2/use-weight-from")
def test_results_are_those_of_the_whole_model():
    whole = open_whole()
    bare = open_bare(whole)
    for feed, expected in BARE.sets():
        results = bare.run(None, feed)
        BARE.check(results, expected)
        assert np.array_equal(results[0], whole.run(None, feed)[0])


@pytest.mark.contract("1.2/use-weight-from")
def test_weights_outlive_the_session_they_come_from():
    whole = open_whole()
    feed, expected = next(iter(BARE.sets()))
    bare = open_bare(whole)
    second = open_bare(bare)  # the session it borrows from is itself a borrower
    whole.close()
    del whole, bare
    gc.collect()
    BARE.check(second.run(None, feed), expected)
    with pytest.raises(ez.Closed):
        second.close()
        open_bare(second)


@pytest.mark.contract("1.2/use-weight-from")
def test_every_worker_and_way_of_running():
    whole = open_whole()
    bare = open_bare(whole, schedule=[0, 1, 2], threads_per_core=2)
    sets = list(BARE.sets())
    expected = [whole.run(None, feed) for feed, _ in sets]
    seen, done = [], threading.Event()
    for k in range(12):
        bare.run_async(None, sets[k % 2][0], lambda r, k, e: (seen.append((k, r, e)), k == 11 and done.set()), k)
    assert done.wait(60)
    for k, results, error in seen:
        assert error == "" and np.array_equal(results[0], expected[k % 2][0])
    batch = np.concatenate([feed["x"] for feed, _ in sets])
    (together,) = bare.run(None, batch, {"ztu_modelrt_dispatch_batch": True})
    assert np.array_equal(together, np.concatenate([e[0] for e in expected]))


@pytest.mark.contract("1.2/use-weight-from")
def test_mistakes_are_named():
    with pytest.raises(ez.ModelError, match="exported without its weights"):
        ez.InferenceSession(BARE.path, provider_options=SOFTWARE)
    other = ez.InferenceSession(fixture("tiny_i8").path, provider_options=SOFTWARE)
    with pytest.raises(ez.Unsupported, match="has others under that name"):
        open_bare(other)
    for wrong in (5, "session", WHOLE.path):
        with pytest.raises(ez.InvalidType, match="use_weight_from"):
            open_bare(wrong)
    with pytest.raises(ez.InvalidArgument, match="custom operators"):
        open_bare(open_whole(), custom_op_default_path=True)


def test_a_whole_model_may_be_given_a_master_too():
    whole = open_whole()
    again = ez.InferenceSession(WHOLE.path, provider_options=SOFTWARE, use_weight_from=whole)
    feed, expected = next(iter(WHOLE.sets()))
    WHOLE.check(again.run(None, feed), expected)
