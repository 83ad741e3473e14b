"""What sessions that have left leave behind is given back to the system."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from contextlib import suppress

_SECONDS = 20


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
    trim = None
    with suppress(OSError, AttributeError):  # glibc keeps what was freed, unless it is told
        trim = ctypes.CDLL(None).malloc_trim
    while True:
        time.sleep(_SECONDS)
        gc.collect()
        if trim:
            trim(0)
