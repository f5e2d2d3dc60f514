"""Phrases that no maintainer of a well-read program would write are in no text of ours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: phrase -> its replacement
PHRASES = {
    r"as many as bring something": "chosen automatically",
    r"attempts that bring no byte": "attempts without progress",
    r"[Tt]here is nobody to ask": "Cannot ask for confirmation: not a terminal",
    r"say --yes": "pass --yes to skip the question",
    r"wants credentials": "requires credentials",
    r"is no number of connections": "is not a valid number of connections",
    r"whose names end so": "with this suffix",
    r"asks nobody\b": "makes no network requests",
    r"Beside them stand": "There are also",
    r"wrote down": "'s logs",
    r"service is well\b": "Check the service's health",
    r"There is a look at": "is checked first",
    r"To have it anew": "To refresh it",
    r"no file fits": "no file matches",
    r"least grave": "Lowest level of messages to show",
    r"Those peers take part": "Peers that are not installed are skipped",
    r"could not be had": "are unavailable",
    r"\bTold are\b": "Reports",
    r"careful path": "the fallback, by its name",
    r"takes what you paste": "paste the result here",
    r"lead in a circle": "form a loop",
    r"nobody logged in before": "the login was not completed",
    r"say it with --": "pass --OPTION",
    r"with other content; it was left": "with different content; it was not changed",
    r"characters that a token cannot have": "characters that are not allowed in a token",
    r"open no browser\b": "do not open a browser",
    r"document of a service anew": "Fetch the document of a service again",
}


def texts() -> list[Path]:
    """The files of the repository that people or programs read."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a clone of the repository")
    kinds = (".py", ".rst", ".json", ".toml", ".cfg", ".1", ".ipynb", ".md")
    names = [name for name in listed.stdout.splitlines() if name.endswith(kinds)]
    return [ROOT / name for name in names if ROOT / name != Path(__file__).resolve() and (ROOT / name).is_file()]


def test_no_text_has_a_phrase_that_was_replaced() -> None:
    pattern = re.compile("|".join(f"(?:{phrase})" for phrase in PHRASES))
    found = []
    for path in texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        # A phrase may be wrapped over lines.
        for match in pattern.finditer(" ".join(text.split())):
            better = next(better for phrase, better in PHRASES.items() if re.fullmatch(phrase, match[0]))
            found.append(f"{path.relative_to(ROOT)}: {match[0]!r}; write {better!r}")
    assert not found, "\n".join(found)


def test_every_summary_of_a_command_begins_with_a_verb_and_fits_a_line() -> None:
    from hca_base.commands import COMMANDS

    for name, (_, summary) in COMMANDS.items():
        assert re.match(r"[A-Z][a-z]+ ", summary) and len(summary) <= 80 and not summary.endswith("."), (name, summary)
        assert not summary.split(" ")[0].endswith("s"), (name, summary)
