"""The three faults: what went wrong, and what follows from it.

::

    ObservatoryError
    ├── RejectedInput    this input is bad       -> dead letter, acknowledge, go on
    ├── TransientFault   a neighbour is away     -> retry here, bounded, then leave as an outage
    └── FatalFault       we are set up wrongly   -> log once, stop, do not acknowledge

Anything else that escapes is a mistake of ours and is treated as fatal, with its traceback.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"[a-z][a-z0-9_]{0,47}")

#: Longest sentence a rejection may carry: it travels in a message header, which brokers promise only little room for.
SENTENCE_LIMIT = 500


class ObservatoryError(Exception):
    """One sentence for a person; the vendor's error, if any, is its ``__cause__``."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class RejectedInput(ObservatoryError):  # noqa: N818 - the three faults are named for what follows
    """One input cannot be used, and trying again will not help.

    Parameters
    ----------
    reason
        A registered snake_case code (``[a-z][a-z0-9_]{0,47}``): what a dead letter is counted and searched by.
    sentence
        What is wrong, for the person who sent it. Cut at 500 characters. No local path, no secret.

    Raises
    ------
    ValueError
        If ``reason`` is not a code.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        if not _CODE.fullmatch(reason):
            message = f"not a reason code: {reason!r}"
            raise ValueError(message)
        super().__init__(sentence[:SENTENCE_LIMIT])
        self.reason = reason

    def __reduce__(self) -> tuple[type[RejectedInput], tuple[str, str]]:
        """Pickle with both arguments: rejections cross the boundary of the decoding process."""
        return type(self), (self.reason, self.sentence)


class TransientFault(ObservatoryError):  # noqa: N818
    """A neighbour (broker, store) is away for now; the same call may succeed later."""


class FatalFault(ObservatoryError):  # noqa: N818
    """Wrong settings, access denied, a model file gone: no retry can mend it, so the part concerned stops."""
