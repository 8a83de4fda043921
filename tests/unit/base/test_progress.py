import logging

import pytest

from genir.base import progress
from genir.base.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_are_rare_and_one_comes_at_the_end(clock, caplog):
    with caplog.at_level(logging.INFO, logger="genir"):
        shown = Progress("work", 100)
        for done in range(1, 101):
            clock[0] += 0.25
            shown.update(done)
    assert [r.getMessage().split(",")[0] for r in caplog.records] == [
        "work 40/100",
        "work 80/100",
        "work 100/100",
    ]


def test_rate_and_remaining_time_count_from_the_start(clock, caplog):
    with caplog.at_level(logging.INFO, logger="genir"):
        shown = Progress("work", 400, start=100)
        clock[0] += 20
        shown.update(140, "loss 1.5")
    assert caplog.messages == ["work 140/400, 2.0/s, 2 min 10 s left, loss 1.5"]


def test_the_last_line_comes_at_once(clock, caplog):
    with caplog.at_level(logging.INFO, logger="genir"):
        Progress("work", 1).update(1)
    assert len(caplog.records) == 1
