import itertools

import numpy as np
import pytest
from planted import LEVELS, planted, squared_error

from genir.analyses.stage_rule import (
    detect_stages,
    is_three_stages,
    needed_segments,
    p_more,
    p_order,
    segment,
)
from genir.base.errors import AnalysisError

PATTERN = ["mlp", "cross_attention", "mlp"]


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_planted_stages_are_found(noise):
    detected = detect_stages(planted(7, 11, 6, noise=noise), seed=1)
    assert detected["segments"] == [[0, 6], [7, 17], [18, 23]]
    assert detected["dominant"] == PATTERN
    assert detected["p_order"] == pytest.approx(1 / 2001)
    assert is_three_stages(detected)


def test_planted_stages_of_eight_layers():
    detected = detect_stages(planted(2, 4, 2), seed=1)
    assert detected["segments"] == [[0, 1], [2, 5], [6, 7]]
    assert detected["p_order"] == pytest.approx(2 * 24 * 2 * 2 / 40_320)
    assert is_three_stages(detected)


@pytest.mark.parametrize(("layers", "found"), [(6, False), (7, True), (8, True), (16, True)])
def test_outer_stages_of_one_layer_can_be_found_from_seven_layers_on(layers, found):
    ratios = planted(1, layers - 2, 1)
    detected = detect_stages(ratios, seed=1)
    assert detected["segments"] == [[0, 0], [1, layers - 2], [layers - 1, layers - 1]]
    smallest = 2 / (layers * (layers - 1))
    assert detected["p_order"] == pytest.approx(smallest, rel=0.01 if layers < 9 else 0.5)
    assert is_three_stages(detected) is found


def test_another_order_of_components_is_not_the_study_s():
    detected = detect_stages(planted(7, 11, 6)[:, [0, 2, 1]], seed=1)
    assert detected["dominant"] == ["cross_attention", "mlp", "cross_attention"]
    assert detected["p_order"] == 1
    assert not is_three_stages(detected)


def test_noise_is_one_segment():
    random = np.random.default_rng(0)
    counts = [needed_segments(random.normal(size=(12, 3)), seed, 199)[0] for seed in range(100)]
    assert np.mean(np.array(counts) > 1) < 0.1


def test_layers_that_are_alike_are_one_segment():
    detected = detect_stages(np.ones((8, 3)), seed=1)
    assert detected["segments"] == [[0, 7]]
    assert detected["p_more"] == {"1": 1}
    assert detected["p_order"] == 1


def test_two_planted_segments_are_two():
    detected = detect_stages(np.repeat(LEVELS[:2], 6, axis=0), seed=1)
    assert detected["segments"] == [[0, 5], [6, 11]]
    assert list(detected["p_more"]) == ["1", "2"]
    assert not is_three_stages(detected)


def test_the_best_three_segments_are_kept_where_there_are_others():
    four = np.repeat([*LEVELS[:2], LEVELS[1] + 0.05, LEVELS[2]], [3, 3, 3, 3], axis=0)
    detected = detect_stages(four, seed=1)
    assert detected["segments"] == [[0, 2], [3, 5], [6, 8], [9, 11]]
    assert detected["three_segments"] == [[0, 2], [3, 8], [9, 11]]
    assert detected["three_dominant"] == PATTERN
    assert not is_three_stages(detected)
    detected = detect_stages(planted(2, 4, 2), seed=1)
    assert detected["three_segments"] == detected["segments"]
    assert detected["three_dominant"] == detected["dominant"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_segments_have_the_least_error_of_all_splits(count):
    ratios = np.random.default_rng(4).normal(size=(9, 3))
    assert segment(ratios, count) == min(
        splits(9, count), key=lambda split: squared_error(ratios, split)
    )


def splits(layers, count):
    cuts = itertools.combinations(range(1, layers), count - 1)
    return [
        [[first, end - 1] for first, end in itertools.pairwise([0, *cut, layers])] for cut in cuts
    ]


def test_reversed_layers_give_mirrored_segments_and_the_same_order():
    ratios = planted(3, 5, 2, noise=0.05)
    mirrored = [[9 - last, 9 - first] for first, last in reversed(segment(ratios, 3))]
    assert segment(ratios[::-1], 3) == mirrored
    few = planted(2, 4, 1, noise=0.2)
    assert p_order(few, seed=1) == p_order(few[::-1], seed=1)


def test_p_does_not_depend_on_the_scale():
    ratios = planted(2, 3, 2, noise=0.3)
    assert p_order(ratios, seed=1) == p_order(10 * ratios + 5, seed=2)
    assert p_more(ratios, 1, 3, seed=1) == p_more(10 * ratios + 5, 1, 3, seed=1)


def test_p_order_by_enumeration():
    ratios = np.random.default_rng(8).normal(size=(5, 3))
    ratios[:, 0] -= 5

    def error(order):
        shuffled = ratios[list(order)]
        led = [
            split
            for split in splits(5, 3)
            if [int(shuffled[a : b + 1].mean(0).argmax()) for a, b in split] == [2, 1, 2]
        ]
        return min((squared_error(shuffled, split) for split in led), default=np.inf)

    errors = {order: error(order) for order in itertools.permutations(range(5))}
    given = min(errors, key=errors.get)
    for order in (given, tuple(reversed(given))):
        expected = np.mean(np.array(list(errors.values())) <= errors[order] + 1e-9)
        assert p_order(ratios[list(order)], seed=1) == pytest.approx(expected)
    lost = next(order for order, value in errors.items() if np.isinf(value))
    assert p_order(ratios[list(lost)], seed=1) == 1


def test_p_more_is_small_only_where_a_segment_is_missing():
    ratios = planted(4, 6, 4, noise=0.05)
    assert p_more(ratios, 1, 3, seed=1) < 0.01
    assert p_more(ratios, 2, 3, seed=1) < 0.01
    assert p_more(ratios, 3, 4, seed=1) > 0.05


def test_three_layers_have_at_most_two_segments():
    assert len(detect_stages(LEVELS, seed=1)["segments"]) <= 2


def test_two_layers_have_no_stages():
    with pytest.raises(AnalysisError, match="at least three layers"):
        detect_stages(np.ones((2, 3)), seed=1)


def test_ratios_that_are_not_finite_are_named():
    ratios = planted(2, 4, 2)
    ratios[3, 2] = np.inf
    with pytest.raises(AnalysisError, match="mlp in layer 3"):
        detect_stages(ratios, seed=1)
