#!/usr/bin/env bash
# pycurl 7.49.0 with its own libcurl 8.23.0.
# One would guess: FAILONERROR turns every answer of 400 and above into an error, so a 416 fails a transfer.
# What happens: with RESUME_FROM_LARGE a 416 is a success without a byte, also when the local file is longer than the
# remote one (offset 1500 of 1000 bytes). The same offset given by RANGE is error 22, as expected.
# Why it matters here: a partial file that belongs to an older, longer object would be taken for complete. hca never
# uses this option: it asks for ranges itself, and compares Content-Range and size.
# How seen: by resuming before, at and beyond the end of an object of 1000 bytes, in both ways.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pycurl==7.49.0
"$work/venv/bin/python" - <<'PY'
import http.server, io, sys, threading
import pycurl

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        start = int(self.headers["Range"][6:].split("-")[0])
        assert start >= 1000
        self.send_response(416)
        self.send_header("Content-Range", "bytes */1000")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
found = {}
for way in ("RESUME_FROM_LARGE", "RANGE"):
    curl, body = pycurl.Curl(), io.BytesIO()
    curl.setopt(pycurl.URL, f"http://127.0.0.1:{server.server_port}/")
    curl.setopt(pycurl.WRITEDATA, body)
    curl.setopt(pycurl.FAILONERROR, True)
    curl.setopt(getattr(pycurl, way), 1500 if way.startswith("RESUME") else "1500-")
    try:
        curl.perform()
        found[way] = 0
    except pycurl.error as error:
        found[way] = error.args[0]
    print(f"{way}: status {curl.getinfo(pycurl.RESPONSE_CODE)}, libcurl's result {found[way]}")
sys.exit(0 if found == {"RESUME_FROM_LARGE": 0, "RANGE": 22} else 1)
PY
echo "Resuming 500 bytes beyond the end succeeds."
