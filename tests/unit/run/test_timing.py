import os
import time

import pytest

from genir.files.io import read_json
from genir.run.timing import Timing


def _benchmark(results, name, seconds, memory):
    path = results / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")
    return path


@pytest.fixture
def results(tmp_path):
    _benchmark(tmp_path, "swap/a.tsv", 1.5, 100)
    _benchmark(tmp_path, "swap/b/c.tsv", 2.25, 300)
    _benchmark(tmp_path, "tables/d.tsv", "NA", "-")
    return tmp_path


def _timing(results, started):
    timing = Timing(results)
    timing.started = started
    return timing


def test_sums_per_rule(results):
    _timing(results, time.time() - 60).write()
    written = read_json(results / "timing.json")
    assert written["workflow_seconds"] == pytest.approx(60, abs=2)
    assert written["rules"] == {
        "swap": {"jobs": 2, "seconds": 3.75, "max_rss_mb": 300.0},
        "tables": {"jobs": 1, "seconds": 0.0, "max_rss_mb": 0.0},
    }


def test_idle_is_what_no_job_covers(results):
    started = time.time() - 60
    spans = {"swap/a.tsv": (10, 20), "swap/b/c.tsv": (15, 30), "tables/d.tsv": (40, 45)}
    for name, (begin, end) in spans.items():
        file = _benchmark(results, name, end - begin, 1)
        os.utime(file, (started + end, started + end))
    _timing(results, started).write()
    assert read_json(results / "timing.json")["idle_seconds"] == pytest.approx(35, abs=2)


def test_nothing_is_written_if_a_job_did_not_run(results):
    old = time.time() - 3600
    os.utime(results / "benchmarks/swap/a.tsv", (old, old))
    _timing(results, time.time() - 60).write()
    assert not (results / "timing.json").exists()


def test_nothing_is_written_without_benchmarks(tmp_path):
    _timing(tmp_path, 0.0).write()
    assert not list(tmp_path.iterdir())


def test_starting_again_sets_the_clock(tmp_path):
    timing = _timing(tmp_path, 0.0)
    timing.start()
    assert timing.started == pytest.approx(time.time(), abs=5)
