"""Memory that sessions have used is given back to the system when they have left."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from contextlib import suppress

_SECONDS = 20
# Of glibc's malloc.h. Other systems have no `mallopt`, or one that knows these and refuses them.
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1


def give_back() -> None:
    """Tells glibc to keep few pages that are free; does nothing where there is another malloc.

    It keeps an arena for each of many threads, and takes larger and larger blocks from them once
    some were freed: after people have drawn, pages of 200 MiB and more hold hardly anything.
    A block of 128 KiB or more is then the system's own, and two arenas serve all threads.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 2)
        mallopt(_MMAP_THRESHOLD, 128 * 1024)
        mallopt(_TRIM_THRESHOLD, 128 * 1024)


def keep_small() -> None:
    """To be called once in a server's life, when all is loaded; tidies up now and then.

    Streamlit would search all memory for garbage after every look of every session (see
    `.streamlit/config.toml`), which takes longer than the look. So what is loaded by now is
    never searched again, and the rest now and then, in a thread.
    """
    gc.collect()
    gc.freeze()
    threading.Thread(target=_tidy_for_ever, name="tidy", daemon=True).start()


def _tidy_for_ever() -> None:
    while True:
        time.sleep(_SECONDS)
        gc.collect()
