"""The waits of the original, for testing clients: 202s, and 301s to the same location.

Off: everything is ready at the first request. On (``--simulate-waits``): copies take some time, and the responses
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

#: The Retry-After values of the original, seconds.
RETRY_AFTER = 10
#: Copies larger than this continue after the response; a copy of exactly this size does not.
ASYNC_COPY_THRESHOLD = 64 * 1024 * 1024
#: JSON up to this size was copied to the download bucket as soon as it was stored.
CHECKED_OUT_AT_ONCE = 12314
_REMEMBERED = 10_000


class Token:
    """The token of a 301: the wait that it belongs to, when that began, and the number of attempts."""

    def __init__(self, execution: str, start: float, attempts: int) -> None:
        self.execution = execution
        self.start = start
        self.attempts = attempts

    @classmethod
    def read(cls, text: str | None) -> Token | None:
        """The token a client sends back; None if there is none. Raises a DSSError if it was not issued here.

        Page links contain the literal ``None``, which means no token.
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

    :param simulate: False for no waits; True for the original's; or the number of seconds between retries
    :param clock: seconds since the epoch
    """

    def __init__(self, simulate: bool | float, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.active = bool(simulate)
        self.retry_after = max(1, RETRY_AFTER if simulate is True else int(simulate)) if self.active else RETRY_AFTER
        self._begun: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def seconds_to_copy(self, size: int) -> float:
        """How long a copy of ``size`` bytes takes; with ten seconds between retries most are done at the first."""
        if not self.active:
            return 0.0
        return self.retry_after * (0.1 + 0.1 * (size // ASYNC_COPY_THRESHOLD))

    def seconds_to_check_out(self, size: int) -> float:
        """How long a checkout of a bundle takes: a little longer than one copy."""
        return self.seconds_to_copy(size) + (0.1 * self.retry_after if self.active else 0.0)

    def next_token(self, key: str, given: Token | None, seconds: float) -> Token | None:
        """None if what ``key`` names, which takes ``seconds``, is ready; otherwise the token to retry with.

        The first call starts the wait. Dropped tokens and restarts of the server do not restart it.
        """
        moment = self.clock()
        with self._lock:
            begun = self._begun.get(key)
            if begun is None:
                # Clients can forge a token's time, but that only shortens their own wait.
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
