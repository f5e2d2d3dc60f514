"""A proxy that makes a loopback server as far away as one on the internet: round trip, rate and loss per connection.

``distance.py HOST:PORT [--round-trip SECONDS] [--rate BYTES] [--loss SHARE] [--port N]`` prints its own port, and
forwards each connection to HOST:PORT. It needs no privileges and no kernel module, and works below TLS.

* Bytes take half a round trip in each direction; the first ones of a connection take one round trip more, as TCP's
  handshake does.
* What the server sends is limited to the rate, for each connection alone.
* A lost packet holds its connection up for one round trip, until it is sent again; what follows waits behind it.

Slow start is not imitated: a new connection has its full rate at once, for all contenders alike.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import deque
from typing import Any

#: What one packet carries over Ethernet, and the most bytes that one step of the rate hands on.
PACKET, STEP = 1448, 16 * 1024


class Line:
    """One direction of a connection: bytes go in, and come out later.

    :param source: transport that the bytes come from; it is paused while a window of them is under way
    :param delay: seconds that each byte takes
    :param rate: bytes a second; 0 for no limit
    :param loss: share of packets that are lost
    """

    def __init__(self, source: Any, target: Any, delay: float, rate: float, loss: float, dice: random.Random) -> None:
        self._loop = asyncio.get_running_loop()
        self._source, self._target = source, target
        self._delay, self._rate, self._loss, self._dice = delay, rate, loss, dice
        self._window = max(256 * 1024, int(rate * delay * 4))
        self._under_way = 0
        self._queue: deque[tuple[float, bytes]] = deque()
        #: When the line is free to take more, and when the last byte arrives.
        self._free = self._last = 0.0

    def put(self, data: bytes, extra: float = 0.0) -> None:
        """Take bytes in; empty ones stand for the end of the stream."""
        now = self._loop.time()
        pieces = [data[at : at + STEP] for at in range(0, len(data), STEP)] if self._rate else [data]
        for piece in pieces or [b""]:
            self._free = max(self._free, now)
            if self._rate:
                self._free += len(piece) / self._rate
            due = self._free + self._delay + extra
            if self._loss and any(self._dice.random() < self._loss for _ in range(-(-len(piece) // PACKET))):
                due += 2 * self._delay
            self._last = max(self._last, due)
            self._under_way += len(piece)
            if not self._queue:
                self._loop.call_at(self._last, self._deliver)
            self._queue.append((self._last, piece))
        if self._under_way > self._window:
            self._source.pause_reading()

    def _deliver(self) -> None:
        now = self._loop.time() + 0.0005
        while self._queue and self._queue[0][0] <= now:
            _, piece = self._queue.popleft()
            self._under_way -= len(piece)
            if piece:
                self._target.write(piece)
            else:
                self._target.close()
        if self._queue:
            self._loop.call_at(self._queue[0][0], self._deliver)
        if self._under_way <= self._window // 2 and not self._source.is_closing():
            self._source.resume_reading()


class End(asyncio.Protocol):
    """One end of a connection; what it receives goes into its line."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.line is not None
        self.line.put(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.line is not None:
            self.line.put(b"")


class Near(End):
    """The end that the client sees."""

    def __init__(self, arguments: argparse.Namespace, dice: random.Random) -> None:
        super().__init__()
        self._arguments, self._dice = arguments, dice

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()
        self._task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        given = self._arguments
        # The handshake of TCP, which on loopback takes no time.
        await asyncio.sleep(given.round_trip)
        host, _, port = given.server.rpartition(":")
        far = End()
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, host, int(port))
        except OSError:
            self.transport.abort()
            return
        half = given.round_trip / 2
        self.line = Line(self.transport, far.transport, half, 0, given.loss, self._dice)
        far.line = Line(far.transport, self.transport, half, given.rate, given.loss, self._dice)
        if self.transport.is_closing():
            far.transport.close()
        else:
            self.transport.resume_reading()


async def main(arguments: argparse.Namespace) -> None:
    dice = random.Random(1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Near(arguments, dice), "127.0.0.1", arguments.port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", metavar="HOST:PORT")
    parser.add_argument("--round-trip", type=float, default=0.08, help="seconds (default: 0.08)")
    parser.add_argument("--rate", type=float, default=0, help="bytes a second for each connection (default: no limit)")
    parser.add_argument("--loss", type=float, default=0.0, help="share of packets that are lost")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(main(parser.parse_args()))
