"""The waits of the original, for clients that want to be tried with them: 202s, and 301s to the same place.

Off, everything is ready when it is asked for. On (``--simulate-waits``), copies take a little time, and the answers
say so as the original's did.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable

from hca_local.dss.errors import DSSError

#: What the original told clients to wait, seconds.
RETRY_AFTER = 10
#: Copies larger than this go on after the answer; this size itself does not.
ASYNC_COPY_THRESHOLD = 64 * 1024 * 1024
#: JSON up to this size was put where downloads come from as soon as it was stored.
CHECKED_OUT_AT_ONCE = 12314
_REMEMBERED = 10_000


class Token:
    """The token of a 301: which wait it belongs to, when that began, and how often was asked."""

    def __init__(self, execution: str, start: float, attempts: int) -> None:
        self.execution = execution
        self.start = start
        self.attempts = attempts

    @classmethod
    def read(cls, text: str | None) -> Token | None:
        """The token a client sends back; None if it has none. Raises a DSSError if it is not one of ours.

        Page links carry the literal ``None``, which means what it says.
        """
        if text is None or text == "None":
            return None
        try:
            members = json.loads(text)
            return cls(str(members["execution_id"]), float(members["start_time"]), int(members["attempts"]))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise DSSError(400, "illegal_token", "Could not understand token") from None

    def text(self) -> str:
        members = {"execution_id": self.execution, "start_time": self.start, "attempts": self.attempts}
        return json.dumps(members)


class Waits:
    """How long things take.

    :param simulate: False for no waits; True for the original's; a number for that many seconds between retries
    :param clock: seconds since the epoch
    """

    def __init__(self, simulate: bool | float, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.active = bool(simulate)
        self.retry_after = max(1, RETRY_AFTER if simulate is True else int(simulate)) if self.active else RETRY_AFTER
        self._begun: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def seconds_to_copy(self, size: int) -> float:
        """How long a copy of ``size`` bytes takes; ten seconds between retries see most done at the first."""
        if not self.active:
            return 0.0
        return self.retry_after * (0.1 + 0.1 * (size // ASYNC_COPY_THRESHOLD))

    def seconds_to_check_out(self, size: int) -> float:
        """How long it takes to make a bundle's files ready under their own names: a little longer than one copy."""
        return self.seconds_to_copy(size) + (0.1 * self.retry_after if self.active else 0.0)

    def next_token(self, key: str, given: Token | None, seconds: float) -> Token | None:
        """None when what ``key`` names, which takes ``seconds``, is ready; else the token to come back with.

        The first call begins the wait. A client that drops its tokens, or a restart of ours, does not begin it anew.
        """
        moment = self.clock()
        with self._lock:
            begun = self._begun.get(key)
            if begun is None:
                # A token's time is the client's word, but it can only spare that client its own wait.
                begun = given.start if given is not None and given.start <= moment else moment
                self._begun[key] = begun
                while len(self._begun) > _REMEMBERED:
                    self._begun.popitem(last=False)
            if moment - begun >= seconds:
                del self._begun[key]
                return None
        if given is None:
            return Token(str(uuid.uuid4()), begun, 0)
        return Token(given.execution, given.start, given.attempts + 1)
