import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.base.seeding import EpochSampler, generator, seed_from


@given(rows=st.integers(1, 30), batch=st.integers(1, 40), epochs=st.integers(1, 4))
def test_every_epoch_is_a_permutation(rows, batch, epochs):
    sample = EpochSampler(rows, batch, 3, "x")
    steps = -(-rows * epochs // batch)
    drawn = np.concatenate([sample(step) for step in range(steps)])
    for epoch in range(epochs):
        assert sorted(drawn[epoch * rows : (epoch + 1) * rows]) == list(range(rows))


@given(steps=st.lists(st.integers(0, 50), min_size=1, max_size=10))
def test_a_batch_does_not_depend_on_those_before(steps):
    sample = EpochSampler(7, 3, 0)
    for step in steps:
        np.testing.assert_array_equal(sample(step), EpochSampler(7, 3, 0)(step))


def test_epochs_and_seeds_differ():
    sample = EpochSampler(50, 50, 1, "retrieval")
    assert sample(0).tolist() != sample(1).tolist()
    assert sample(0).tolist() != EpochSampler(50, 50, 2, "retrieval")(0).tolist()
    assert sample(0).tolist() != EpochSampler(50, 50, 1, "indexing")(0).tolist()


@pytest.mark.parametrize(("rows", "batch"), [(0, 4), (4, 0)])
def test_nothing_to_sample_is_an_error(rows, batch):
    with pytest.raises(ValueError, match=f"batches of {batch} from {rows} rows"):
        EpochSampler(rows, batch, 0)


def test_seeds_are_the_same_in_every_process():
    assert seed_from(1, "a") == 6885665436231814845  # printf 1/a | sha256sum, first 63 bits
    assert 0 <= seed_from("anything") < 2**63


def test_generators_depend_on_every_part():
    draws = {generator(*parts).integers(2**62) for parts in [(1,), (1, "a"), (1, "b"), (2, "a")]}
    assert len(draws) == 4
    assert generator(1, "a").integers(2**62) == generator(1, "a").integers(2**62)
