"""Progress of long work as log lines: step, rate, remaining time."""

import logging
import sys
import time

LOGGER = logging.getLogger("genir")


def configure_logging() -> None:
    """Send log lines to stderr, each with its time."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    for noisy in ("httpx", "httpx2", "transformers", "datasets", "bm25s"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Progress:
    """Logs at most one line every `seconds` seconds, and one at the end."""

    def __init__(self, task: str, total: int, *, start: int = 0, seconds: float = 10.0) -> None:
        self.task, self.total, self.start, self.seconds = task, total, start, seconds
        self.began = self.last = time.monotonic()

    def update(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if done < self.total and now - self.last < self.seconds:
            return
        self.last = now
        rate = (done - self.start) / max(now - self.began, 1e-9)
        left = (self.total - done) / max(rate, 1e-9)
        LOGGER.info(
            "%s %d/%d, %.1f/s, %d min %02d s left%s",
            *(self.task, done, self.total, rate, left // 60, left % 60),
            f", {note}" if note else "",
        )
