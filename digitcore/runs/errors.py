"""What may be wrong with a run, for everyone who asks something of it.

RunError (ValueError)
├── RunNotFoundError   there is no such run, or it was deleted meanwhile
├── RunBrokenError     a file of its folder is damaged, or not what its training wrote
├── RunStateError      it is sound, and cannot do that now: it trains, has not ended, or has no
│                      network, predictions or checkpoint yet, or its data is not here
└── RunUnsuitableError it is sound, and never can do that: its recipe is not of the kind that it takes
"""

from __future__ import annotations

from typing import Any

import pydantic


class RunError(ValueError):
    """There is no such run, it is broken, or it cannot do that. Raised as one of the kinds below."""


class RunNotFoundError(RunError):
    """There is no such run, or it was deleted meanwhile."""


class RunBrokenError(RunError):
    """A file of its folder is damaged, or not what its training wrote."""


class RunStateError(RunError):
    """The run cannot do that now: it trains, has not ended, or lacks what that takes."""


class RunUnsuitableError(RunError):
    """The run never can do that: its dataset, or another part of its recipe, is of another kind."""


def told(error: pydantic.ValidationError) -> str:
    """The first faults of a file in a sentence each: `test_loss: the rule. Received: …`."""
    return "; ".join(_sentence(fault) for fault in error.errors()[:3])


def _sentence(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    # A whole file is no help; one that lacks a key was shown as what was received.
    if not place or fault["type"] == "missing":
        return f"{place}: {fault['msg']}" if place else str(fault["msg"])
    return f"{place}: {fault['msg']}. Received: {fault['input']!r:.100}"
