"""Whether a dataset's servers can be reached, looked up beside the pages, which hardly wait for it."""

from __future__ import annotations

import threading
import time

from digitcore import datasets
from digitcore.datasets import registry
from digitcore.datasets.info import Source

_LASTS = 60.0  # seconds that an answer is taken for true
_PATIENCE = 1.0  # seconds that a page waits for the first one


class _Answer:
    """What is known of some servers: whether one answers, and since when."""

    def __init__(self) -> None:
        self.yes, self.at, self.first = False, -1e9, threading.Event()
        self.lock = threading.Lock()

    def look(self, name: str) -> None:
        if not self.lock.acquire(blocking=False):
            return  # another one looks already

        def request() -> None:
            try:
                self.yes, self.at = datasets.reachable(name), time.monotonic()
                self.first.set()
            finally:
                self.lock.release()

        threading.Thread(target=request, name="reach", daemon=True).start()


_answers: dict[tuple[Source, ...], _Answer] = {}


def can_be_downloaded(name: str) -> bool:
    """Whether one of the dataset's servers answered within the last minute, or does now.

    Where none has answered after a second, as without a network, it counts as none.
    """
    sources = registry.get(name).sources
    if not sources:
        return False
    answer = _answers.setdefault(sources, _Answer())
    if time.monotonic() - answer.at > _LASTS:
        answer.look(name)
    answer.first.wait(_PATIENCE)
    return answer.yes
