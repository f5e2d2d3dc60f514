#!/usr/bin/env bash
# requests 2.34.2 with urllib3 2.8.0 on CPython 3.11's http.client.
# One would guess: an answer whose connection is lost within the headers is an error, as one that is lost within the
# body is (IncompleteRead).
# What happens: the end of the connection passes for the end of the headers. If Content-Length was not received yet,
# the caller gets status 200, the headers up to there, and an empty body, with no sign that anything is missing.
# Why it matters here: a manifest or listing that a dying server cut off there would be an empty list, and the job
# would end with nothing to do. hca reads through a reader of its own that raises IncompleteRead.
# How seen: a server on loopback that closed the connection after each possible number of bytes of one answer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check requests==2.34.2 urllib3==2.8.0
"$work/venv/bin/python" - <<'PY'
import socket, sys, threading
import requests

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 5\r\n\r\na,b\r\n"

def serve_once(answer: bytes) -> int:
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(65536)
            connection.sendall(answer)

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]

outcomes = {}
for name, length in {"cut in the headers": WHOLE.index(b"Content-Length") + 7, "cut in the body": len(WHOLE) - 3}.items():
    try:
        response = requests.get(f"http://127.0.0.1:{serve_once(WHOLE[:length])}/", timeout=10)
        outcomes[name] = (response.status_code, response.content)
    except requests.RequestException as error:
        outcomes[name] = type(error).__name__
    print(f"{name}: {outcomes[name]}")
sys.exit(0 if outcomes == {"cut in the headers": (200, b""), "cut in the body": "ChunkedEncodingError"} else 1)
PY
echo "Lost within the headers, it is an empty 200."
