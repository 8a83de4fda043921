import itertools
import json

import numpy as np
import pandas as pd
import pytest
import stages as script

from genir.analyses.stages import (
    bic,
    default_stages,
    detect_stages,
    mean_ratios,
    segment,
    shuffle_p,
)
from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS

LEVELS = np.array([[0.1, 0.3, 0.9], [0.1, 0.9, 0.4], [0.1, 0.4, 0.8]])


def planted(*sizes, noise=0.0):
    ratios = np.repeat(LEVELS, sizes, axis=0)
    return ratios + noise * np.random.default_rng(1).normal(size=ratios.shape)


def squared_error(ratios, segments):
    parts = [ratios[first : last + 1] for first, last in segments]
    return sum(((part - part.mean(0)) ** 2).sum() for part in parts)


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_planted_stages_are_found_and_supported(noise):
    detected = detect_stages(planted(7, 11, 6, noise=noise), seed=1)
    assert detected["segments"] == [[0, 6], [7, 17], [18, 23]]
    assert detected["dominant"] == ["mlp", "cross_attention", "mlp"]
    assert detected["p"] == pytest.approx(1 / 2001)
    assert detected["supported"] is True


def test_planted_stages_of_eight_layers():
    detected = detect_stages(planted(2, 4, 2), seed=1)
    assert detected["segments"] == [[0, 1], [2, 5], [6, 7]]
    assert detected["p"] == pytest.approx(2 * 24 * 2 * 6 / 40_320)
    assert detected["supported"] is True


def test_single_first_and_last_layers_cannot_be_significant():
    detected = detect_stages(planted(1, 6, 1), seed=1)
    assert detected["segments"] == [[0, 0], [1, 6], [7, 7]]
    assert detected["p"] == pytest.approx(720 * 6 / 40_320)
    assert detected["supported"] is False


def test_another_order_of_components_is_not_supported():
    ratios = planted(7, 11, 6)[:, [0, 2, 1]]
    detected = detect_stages(ratios, seed=1)
    assert detected["dominant"] == ["cross_attention", "mlp", "cross_attention"]
    assert detected["supported"] is False


def test_noise_is_not_supported():
    random = np.random.default_rng(0)
    found = [detect_stages(random.uniform(size=(12, 3)), seed) for seed in range(20)]
    assert not any(detected["supported"] for detected in found)
    assert np.mean([len(detected["segments"]) == 1 for detected in found]) > 0.7


def test_layers_that_are_alike_are_one_segment():
    detected = detect_stages(np.ones((8, 3)), seed=1)
    assert detected["segments"] == [[0, 7]]
    assert detected["p"] == 1


def test_two_planted_segments_are_two():
    detected = detect_stages(np.repeat(LEVELS[:2], 6, axis=0), seed=1)
    assert detected["segments"] == [[0, 5], [6, 11]]
    assert detected["supported"] is False


def test_the_best_three_segments_are_kept_where_there_are_others():
    four = np.repeat([*LEVELS[:2], LEVELS[1] + 0.05, LEVELS[2]], [3, 3, 3, 3], axis=0)
    detected = detect_stages(four, seed=1)
    assert detected["segments"] == [[0, 2], [3, 5], [6, 8], [9, 11]]
    assert detected["three_segments"] == [[0, 2], [3, 8], [9, 11]]
    assert detected["three_dominant"] == ["mlp", "cross_attention", "mlp"]
    detected = detect_stages(planted(2, 4, 2), seed=1)
    assert detected["three_segments"] == detected["segments"]
    assert detected["three_dominant"] == detected["dominant"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_segments_have_the_least_error_of_all_splits(count):
    ratios = np.random.default_rng(4).normal(size=(9, 3))
    cuts = itertools.combinations(range(1, 9), count - 1)
    splits = [[[first, end - 1] for first, end in itertools.pairwise([0, *cut, 9])] for cut in cuts]
    best = min(splits, key=lambda split: squared_error(ratios, split))
    assert segment(ratios, count) == best
    error = squared_error(ratios, best)
    assert bic(ratios)[count] == pytest.approx(27 * np.log(error / 27) + 4 * count * np.log(27))


def test_reversed_layers_give_mirrored_segments():
    ratios = planted(3, 5, 2, noise=0.05)
    mirrored = [[9 - last, 9 - first] for first, last in reversed(segment(ratios, 3))]
    assert segment(ratios[::-1], 3) == mirrored


def test_p_does_not_depend_on_the_scale():
    ratios = planted(2, 3, 2, noise=0.3)
    assert shuffle_p(ratios, seed=1) == shuffle_p(10 * ratios + 5, seed=2)


def test_p_by_enumeration():
    ratios = np.random.default_rng(8).normal(size=(5, 3))
    errors = [
        squared_error(shuffled, segment(shuffled, 3))
        for shuffled in (ratios[list(order)] for order in itertools.permutations(range(5)))
    ]
    assert shuffle_p(ratios, seed=1) == pytest.approx(np.mean(np.array(errors) <= errors[0] + 1e-9))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (24, [[0, 6], [7, 17], [18, 23]]),
        (8, [[0, 1], [2, 5], [6, 7]]),
        (3, [[0, 0], [1, 1], [2, 2]]),
    ],
)
def test_default_stages(layers, expected):
    assert list(default_stages(layers).values()) == expected


@pytest.mark.parametrize("layers", range(3, 60))
def test_default_stages_cover_all_layers(layers):
    spans = [range(first, last + 1) for first, last in default_stages(layers).values()]
    assert all(spans)
    assert list(itertools.chain(*spans)) == list(range(layers))


def test_two_layers_have_no_stages():
    with pytest.raises(AnalysisError, match="2 layers"):
        default_stages(2)
    with pytest.raises(AnalysisError, match="at least three layers"):
        detect_stages(np.ones((2, 3)), seed=1)


def test_ratios_that_are_not_finite_are_named():
    ratios = planted(2, 4, 2)
    ratios[3, 2] = np.inf
    with pytest.raises(AnalysisError, match="mlp in layer 3"):
        detect_stages(ratios, seed=1)


def contribution_table(ratios, query_ids):
    return pd.DataFrame(
        [
            {"query_id": query, "layer": layer, "component": name, "ratio": ratio + shift}
            for shift, query in zip((-0.05, 0.05, 9.0), query_ids, strict=True)
            for layer, row in enumerate(ratios)
            for name, ratio in zip(COMPONENTS, row, strict=True)
        ]
    )


def test_mean_ratios_are_those_of_the_chosen_queries():
    table = contribution_table(LEVELS, ["q1", "q2", "q3"])
    assert mean_ratios(table, pd.Series(["q1", "q2"])) == pytest.approx(LEVELS)


def test_no_correct_query_is_refused():
    with pytest.raises(AnalysisError, match="no correct query"):
        mean_ratios(contribution_table(LEVELS, ["q1", "q2", "q3"]), pd.Series([], dtype=str))


@pytest.mark.parametrize(
    ("configured", "status"),
    [
        (None, "supported"),
        ({"I": [0, 1], "II": [2, 5], "III": [6, 7]}, "supported"),
        ({"I": [0, 0], "II": [1, 5], "III": [6, 7]}, "imposed"),
    ],
)
def test_script(tmp_path, configured, status):
    table = contribution_table(planted(2, 4, 2), ["q1", "q2", "q3"])
    table.to_parquet(tmp_path / "contributions.parquet")
    (tmp_path / "correct.csv").write_text("query_id,doc_id\nq1,d1\nq2,d2\n")
    paths = (tmp_path / "contributions.parquet", tmp_path / "correct.csv")
    script.main(*paths, 1, tmp_path / "stages.json", configured)
    result = json.loads((tmp_path / "stages.json").read_text())
    assert set(result) == {"detected", "used", "status", "n", "mean_ratio"}
    assert (result["status"], result["n"]) == (status, 2)
    assert result["used"] == (configured or default_stages(8))
    assert result["detected"]["segments"] == [[0, 1], [2, 5], [6, 7]]
    written = np.array([result["mean_ratio"][name] for name in COMPONENTS]).T
    assert written == pytest.approx(planted(2, 4, 2))
