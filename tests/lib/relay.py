"""A relay in front of a server that cuts connections on request."""

from __future__ import annotations

import collections
import socket
import threading


class Relay:
    """Copies bytes both ways.

    :ivar cuts: for each new connection, the number of client bytes after which it is cut (None: never)
    :ivar hold_at: number of client bytes after which it stops reading until this is None and ``pause`` is set
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.cuts: collections.deque[int | None] = collections.deque()
        self.taken = 0
        self.hold_at: int | None = None
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.pause = threading.Event()
        self.pause.set()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            cut = self.cuts.popleft() if self.cuts else None
            thread = threading.Thread(target=self._relay, args=(connection, cut), daemon=True)
            self._threads.append(thread)
            thread.start()

    def drain(self) -> None:
        """Wait until closed connections of clients have been read to their end."""
        for thread in list(self._threads):
            thread.join()

    def _relay(self, connection: socket.socket, cut: int | None) -> None:
        there = socket.create_connection(("127.0.0.1", self._target))
        back = threading.Thread(target=self._copy, args=(there, connection), daemon=True)
        back.start()
        left = cut
        try:
            while data := connection.recv(65536):
                if self.hold_at is not None and self.taken >= self.hold_at:
                    self.pause.clear()
                self.pause.wait()
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                there.sendall(data)
                self.taken += len(data)
                if left == 0:
                    break
            if left == 0:
                there.close()
                connection.close()
            else:
                there.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()
