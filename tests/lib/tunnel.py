"""A tunnelling proxy."""

from __future__ import annotations

import socket
import threading


class Tunnel:
    """A proxy that opens tunnels (CONNECT) to one fixed address, whatever the client requests."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self._target = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        self.asked.append(head.decode("latin-1"))
        there = socket.create_connection(("127.0.0.1", self._target))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self._copy, args=(there, connection), daemon=True).start()
        self._copy(connection, there)

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
