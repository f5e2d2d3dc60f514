"""Opens every page of the built site in headless Chromium, at phone and desktop width, and lists what is wrong.

``python docs/tools/check_site.py docs/_build/html`` finds error boxes, pages wider than the window, images that are
broken or have no text, dead links, words that the site's search lacks, and what the API page leaves untyped. Without
Chromium it says so, and looks for the last two alone.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WIDTHS = (390, 1280)
#: Beginnings of words, as the search's index has them, that users type.
WORDS = ("resum", "retri", "proxi", "rate", "limit", "checksum", "token", "offlin", "manifest")
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1400,1000"),
]
#: The page that runs check_site.js.
_DRIVER = "<!doctype html><title>check</title><body><script>const pages = {pages}, widths = {widths};\n{code}</script>"


def problems(site: Path, chromium: str) -> list[str]:
    """Return what is wrong with the pages of a site.

    :raises subprocess.TimeoutExpired: Chromium did not answer within ten minutes
    """
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    pages = [page for page in pages if not page.startswith("_modules/")]
    code = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    driver = _DRIVER.format(pages=json.dumps(pages), widths=json.dumps(WIDTHS), code=code)
    answer: list[str] = []
    answered = threading.Event()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/__check":
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(driver.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            answer.extend(json.loads(body))
            answered.set()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="hca-docs-", ignore_cleanup_errors=True) as folder:
        command = [chromium, *_FLAGS, f"--user-data-dir={folder}", "--remote-debugging-port=0"]
        command.append(f"http://127.0.0.1:{server.server_port}/__check")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            if not answered.wait(600):
                raise subprocess.TimeoutExpired(command, 600)
        finally:
            process.terminate()
            process.wait(30)
            server.shutdown()
            server.server_close()
    return answer


def missing_words(site: Path) -> list[str]:
    """Return the words that the site's search does not find."""
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    return [word for word in WORDS if not re.search(rf'["{{,]{word}"?:', index)]


def untyped(site: Path) -> list[str]:
    """Return the arguments and results on the page of the API that have no type."""
    text = (site / "api.html").read_text(encoding="utf-8")
    found = []
    for kind, entry, signature in re.findall(
        r'<dl class="py (\w+)">\s*<dt class="sig sig-object py" id="([\w.]+)">(.*?)</dt>', text, re.DOTALL
    ):
        for argument in re.findall(r'<em class="sig-param">(.*?)</em>', signature, re.DOTALL):
            name = re.sub(r"<[^>]+>", "", argument)
            if name not in ("*", "/") and ":" not in name:
                found.append(f"{entry}: no type of {name}")
        if kind in ("function", "method") and "sig-return" not in signature:
            found.append(f"{entry}: no type of its result")
    return found


def find_chromium() -> str | None:
    """Return the program, by any of its names."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def main(site: Path) -> int:
    found = [f"the search does not find {word!r}" for word in missing_words(site)]
    found += untyped(site)
    chromium = find_chromium()
    if chromium is None:
        print("Chromium is not installed: the pages were not opened")
    else:
        found += problems(site, chromium)
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
