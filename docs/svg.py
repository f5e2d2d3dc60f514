"""The little of SVG that the documentation's pictures need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
#: Width of a character of a monospaced font, in parts of its size. ``textLength`` holds browsers to it.
ADVANCE = 0.602


@dataclass(frozen=True)
class Run:
    """Characters of one look: a style of :data:`STYLES`."""

    text: str
    style: str = ""


#: style -> attributes, in a terminal with light text on dark
STYLES = {
    "": 'fill="#d6dbe1"',
    "prompt": 'fill="#7fd1a0"',
    "command": 'fill="#ffffff" font-weight="bold"',
    "aside": 'fill="#8b96a5"',
}


def document(width: float, height: float, title: str, body: Iterable[str]) -> str:
    """A whole SVG file; ``title`` is what is read to those who cannot see it."""
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">'
    return "\n".join([head, f"<title>{escape(title)}</title>", *body, "</svg>", ""])


def box(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", radius: float = 8) -> str:
    """A rectangle with round corners."""
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"'
    return f'<rect {place} fill="{fill}" stroke="{stroke}"/>'


def label(x: float, y: float, text: str, *, size: float = 14, weight: str = "normal", fill: str = "#1d2733") -> str:
    """A line of text whose middle is at ``x``."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{SANS}" font-size="{size:g}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="middle">{escape(text)}</text>'
    )


def terminal(lines: Sequence[Sequence[Run]], columns: int, title: str, *, size: float = 13) -> str:
    """A terminal window with these lines."""
    advance, leading, margin, bar = size * ADVANCE, size * 1.45, 18.0, 30.0
    width = round(columns * advance + 2 * margin)
    height = round(len(lines) * leading + bar + 2 * margin)
    body = [box(0, 0, width, height, "#1b222c")]
    body += [
        f'<circle cx="{18 + 18 * i}" cy="18" r="5.5" fill="{color}"/>'
        for i, color in enumerate(("#e5695e", "#e0b13f", "#6cbf5f"))
    ]
    body.append(f'<g font-family="{MONOSPACE}" font-size="{size:g}" xml:space="preserve">')
    for number, line in enumerate(lines):
        x, y = margin, bar + margin + number * leading + size
        for run in line:
            if run.text.strip():
                length = len(run.text) * advance
                place = f'x="{x:.1f}" y="{y:.1f}" textLength="{length:.1f}"'
                body.append(f"<text {place} {STYLES[run.style]}>{escape(run.text)}</text>")
            x += len(run.text) * advance
    body.append("</g>")
    return document(width, height, title, body)
