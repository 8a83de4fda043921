import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.models.tokens import pad_rows
from genir.training.span_corruption import corrupt, noise_mask

END = 1
SENTINELS = list(range(2, 102))


def _starts(mask: np.ndarray) -> int:
    return int((mask & ~np.concatenate([[False], mask[:-1]])).sum())


def _reassembled(source: np.ndarray, target: np.ndarray) -> list[int]:
    """Put the tokens after each sentinel of the target back where it stands in the source."""
    spans: dict[int, list[int]] = {}
    for token in target[:-1].tolist():
        if token in SENTINELS:
            spans[token] = current = []
        else:
            current.append(token)
    return [t for token in source[:-1].tolist() for t in spans.get(token, [token])]


@given(
    length=st.integers(2, 120),
    density=st.floats(0.05, 0.9),
    mean_span=st.floats(1, 6),
    seed=st.integers(0, 2**32),
)
def test_mask_has_the_stated_counts(length, density, mean_span, seed):
    mask = noise_mask(length, density, mean_span, np.random.default_rng(seed))
    masked = min(max(round(length * density), 1), length - 1)
    assert mask.shape == (length,)
    assert mask.sum() == masked
    assert _starts(mask) == min(max(round(masked / mean_span), 1), masked, length - masked)
    assert not mask[0]
    assert mask[-1]


@given(length=st.integers(2, 90), density=st.floats(0.05, 0.9), seed=st.integers(0, 2**32))
def test_target_spans_put_back_give_the_text(length, density, seed):
    random = np.random.default_rng(seed)
    tokens = random.integers(200, 300, length)
    mask = noise_mask(length, density, 3, random)
    source, target = corrupt(tokens, mask, SENTINELS, END)
    assert _reassembled(source, target) == tokens.tolist()
    assert source[-1] == target[-1] == END
    assert [t for t in source if t in SENTINELS] == [t for t in target if t in SENTINELS]
    assert len(source) == length - mask.sum() + _starts(mask) + 1
    assert len(target) == mask.sum() + _starts(mask) + 1


@given(mask=st.lists(st.booleans(), min_size=1, max_size=30))
def test_any_mask_can_be_undone(mask):
    tokens = np.arange(200, 200 + len(mask))
    assert _reassembled(*corrupt(tokens, np.array(mask), SENTINELS, END)) == tokens.tolist()


def test_the_example_of_the_t5_paper():
    tokens = np.array([20, 21, 22, 23, 24, 25, 26])
    mask = np.array([False, False, True, True, False, True, False])
    source, target = corrupt(tokens, mask, [9, 8], END)
    assert source.tolist() == [20, 21, 9, 24, 8, 26, END]
    assert target.tolist() == [9, 22, 23, 8, 25, END]


def test_spans_are_spread_over_the_text():
    random = np.random.default_rng(0)
    share = np.mean([noise_mask(20, 0.25, 2.5, random) for _ in range(2000)], axis=0)
    assert share[0] == 0
    assert share[1:].min() > 0.05


def test_too_few_sentinels_are_an_error():
    mask = np.array([False, True, False, True])
    with pytest.raises(ValueError, match="2 spans but only 1 sentinels"):
        corrupt(np.arange(4), mask, [9], END)


@pytest.mark.parametrize("length", [0, 1])
def test_a_text_of_one_token_is_an_error(length):
    with pytest.raises(ValueError, match="at least 2 tokens"):
        noise_mask(length, 0.15, 3, np.random.default_rng(0))


def test_rows_are_padded_on_the_right():
    padded = pad_rows([np.array([1]), np.array([2, 3, 4])], -100)
    assert padded.tolist() == [[1, -100, -100], [2, 3, 4]]
