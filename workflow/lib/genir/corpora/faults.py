"""What is wrong with a collection: counted by kind, told all at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from genir.base.errors import CorpusError

Faulty = Literal["error", "drop"]
"""What happens to faulty entries of a corpus."""
UNREADABLE = "entries_that_cannot_be_read"
_SHOWN = 3


class Faults:
    """Faults of the given `kinds`, whose entries can be left out, and entries that cannot be read,
    which must be mended."""

    def __init__(self, faulty: Faulty, kinds: Sequence[str]) -> None:
        self.faulty = faulty
        self._counts = Counter(dict.fromkeys((UNREADABLE, *kinds), 0))
        self._messages: dict[str, list[str]] = {kind: [] for kind in self._counts}

    def note(self, kind: str, message: str) -> None:
        """Count a fault; the first few of a kind are told."""
        self._counts[kind] += 1
        if self._counts[kind] <= _SHOWN:
            self._messages[kind].append(message)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """A CorpusError inside is that of an entry that cannot be read."""
        try:
            yield
        except CorpusError as error:
            self.note(UNREADABLE, str(error))

    def dropped(self) -> dict[str, int]:
        """How many entries of each kind were left out."""
        return {kind: number for kind, number in self._counts.items() if kind != UNREADABLE}

    def check(self) -> None:
        """Raises CorpusError with all faults, unless all that there are may be left out."""
        wrong = [kind for kind, number in self._counts.items() if number]
        if self.faulty == "drop":
            wrong = [UNREADABLE] if self._counts[UNREADABLE] else []
        if not wrong:
            return
        total = sum(self._counts[kind] for kind in wrong)
        advice = "" if wrong == [UNREADABLE] else ". Or leave them out with faulty: drop"
        if advice and UNREADABLE in wrong:
            advice = ". What can be read may be left out with faulty: drop"
        if total == 1:
            raise CorpusError(self._messages[wrong[0]][0] + advice)
        lines = [f"{total} faults, all of them by kind{advice}"]
        for kind in wrong:
            lines.append(f"{kind.replace('_', ' ')}: {self._counts[kind]}")
            lines += [f"  {message}" for message in self._messages[kind]]
            if self._counts[kind] > _SHOWN:
                lines.append(f"  and {self._counts[kind] - _SHOWN} more")
        raise CorpusError("\n".join(lines))
