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


#: style -> (colour on dark, colour on light, bold). Numbers are those of a terminal's colours.
STYLES = {
    "": ("#d6dbe1", "#24292f", False),
    "prompt": ("#7fd1a0", "#1a7f37", False),
    "command": ("#ffffff", "#0b1016", True),
    "aside": ("#8b96a5", "#6e7781", False),
    "bold": ("#ffffff", "#0b1016", True),
    "31": ("#ff8f86", "#cf222e", False),
    "32": ("#7fd1a0", "#1a7f37", True),
    "33": ("#e8c468", "#9a6700", False),
    "34": ("#7db7f5", "#0969da", False),
    "35": ("#d5a6f5", "#8250df", False),
    "36": ("#6fd3dd", "#1b7c83", False),
    "90": ("#8b96a5", "#6e7781", False),
    "selected": ("#ffffff", "#0b1016", True),
}
_SECONDS_A_LINE = 0.7


def _sheet(animated: bool) -> str:
    """The colours, for dark and light pages, and the motion for those who want any."""

    def rules(which: int) -> str:
        return " ".join(f".s{name} {{ fill: {look[which]}; }}" for name, look in STYLES.items())

    bold = " ".join(f".s{name} {{ font-weight: bold; }}" for name, look in STYLES.items() if look[2])
    lines = [
        f"{rules(0)} {bold} .window {{ fill: #1b222c; }}",
        f"@media (prefers-color-scheme: light) {{ {rules(1)} .window {{ fill: #f3f5f7; }} }}",
    ]
    if animated:
        lines += [
            "@keyframes show { from { opacity: 0; } to { opacity: 1; } }",
            "@media (prefers-reduced-motion: no-preference) { .line { animation: show .15s linear both; } }",
        ]
    return "<style>\n" + "\n".join(lines) + "\n</style>"


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


def terminal(
    lines: Sequence[Sequence[Run]], columns: int, title: str, *, size: float = 13, animated: bool = False
) -> str:
    """A terminal window with these lines.

    :param animated: lines appear one after the other; without motion, or where a program knows none, all at once
    """
    advance, leading, margin, bar = size * ADVANCE, size * 1.45, 18.0, 30.0
    width = round(columns * advance + 2 * margin)
    height = round(len(lines) * leading + bar + 2 * margin)
    body = [_sheet(animated), f'<rect class="window" width="{width:g}" height="{height:g}" rx="8"/>']
    body += [
        f'<circle cx="{18 + 18 * i}" cy="18" r="5.5" fill="{color}"/>'
        for i, color in enumerate(("#e5695e", "#e0b13f", "#6cbf5f"))
    ]
    body.append(f'<g font-family="{MONOSPACE}" font-size="{size:g}" style="white-space: pre">')
    for number, line in enumerate(lines):
        x, y = margin, bar + margin + number * leading + size
        delay = f' class="line" style="animation-delay: {number * _SECONDS_A_LINE:.1f}s"' if animated else ""
        body.append(f"<g{delay}>")
        for run in line:
            if shown := run.text.strip():
                # Blanks at the ends would be dropped, and the rest stretched.
                start = x + (len(run.text) - len(run.text.lstrip())) * advance
                place = f'x="{start:.1f}" y="{y:.1f}" textLength="{len(shown) * advance:.1f}"'
                body.append(f'<text {place} class="s{run.style}">{escape(shown)}</text>')
            x += len(run.text) * advance
        body.append("</g>")
    body.append("</g>")
    return document(width, height, title, body)
