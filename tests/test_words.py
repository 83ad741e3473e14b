"""One word for one thing, the field's own: the words that it replaced are found nowhere.

Every tracked `.py`, `.toml` and `.md` file is searched, identifiers as well as sentences: `_` and
the capitals of `CamelCase` separate words. ARCHITECTURE.md says which words are used.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# Instead of these, the field's own word. Where the word is good English elsewhere, the pattern
# is of the private meaning.
WORDS = {
    "warp: augmentation": r"(un)?warp(s|ed|ing)?",
    "averaging: EMA": r"averaging|averaged? weights|weight averages?|(?<!moving )average of the weights",
    "share: fraction": r"shares?",
    "written digits, written others: synthetic digits, synthetic outliers": r"written (digits|others|ones)",
    "hand: handwriting samples": r"(?<!by )(?<!at )hands?",
    "lesson, taught: fine-tuning": r"lessons?|taught|teach(es|ing)?|learn my hand",
    "answers of a teacher, ask: soft targets, predict": r"answers of (a|the) teacher|teacher s answers?"
    r"|(networks?|teachers?|model|predictor)( is| are| was| were| be| been| can be)? asked"
    r"|asks? (a|an|the|its|each|every|this) (network|teacher|model)",
    "x-ray, influence: explanation, attribution": r"x[ -]?rays?|influences?",
    "doubt: rejection": r"doubt(s|ed|ing|ful)?",
    "board: leaderboard": r"boards?",
    "places: rank, slots": r"places|worker( s)? place",
    "front: Pareto front": r"(?<!pareto )fronts?",
    "read as, read right: predicted, correct": r"read (as|right|wrong)",
    "row shares: normalised by true class": r"row[ -]?shares?",
    "blended: weight interpolation": r"blend(s|ed|ing)?",
    "parts, parted: segments, segmentation": r"(?<!\.)parts|parted",
    "preparing: compilation and warm-up": r"prepar(e|es|ed|ing|ation)",
}

# Names that say nothing of what they hold: a mask, a filter, a precision, a network's answer.
EMPTY_NAMES = {"ask", "asked", "found", "taken"}


class Allowed(NamedTuple):
    """Lines that hold `words` in files that match `files`, and why they may."""

    files: str
    words: str
    reason: str


EXCEPTIONS = (
    Allowed("*", r"~/\.local/share/", "where Linux keeps data of a person"),
    Allowed("*", r"digit-studio-hand-1|hand\.json|\.hands\b", "names on disk, as people have them"),
    Allowed("digitcore/__main__.py", r'"--hand"|"teach"', "earlier names, which name the new ones"),
    Allowed(
        "tests/test_cli.py", r'"--hand"|"teach|--hand is', "earlier names, which name the new ones"
    ),
    Allowed("digitcore/jobs/checkpoints.py", "_EARLIER_NAMES", "keys of earlier checkpoints"),
    Allowed("digitcore/recipes/recipe.py", r'^ +"\w+": "\w+",$', "earlier names of recipe fields"),
    Allowed(
        "digitcore/runs/metrics.py",
        '": "(compilation_seconds|fine_tuning)',
        "the table of earlier names in metrics.json",
    ),
    Allowed(
        "tests/test_last_version.py", r'in text|\["(hand|taught)"\]', "what that version wrote"
    ),
    Allowed("tests/test_altered_runs.py", r'\{"taught": 1\}', "what an earlier version wrote"),
    Allowed("tests/test_metrics.py", r'\{"hand": ', "what that version wrote"),
    Allowed("tests/test_data.py", r"np\.shares_memory", "NumPy's own name"),
    Allowed(
        "CHANGELOG.md",
        "`[^`]+` (→|is|is called) `|, earlier `",
        "earlier names, beside the new ones",
    ),
    Allowed("models/*/recipe.toml", ".*", "a run folder of the last version, as it was written"),
    Allowed("tests/data/*", ".*", "run folders of the last version, as they were written"),
)


def tracked(*patterns: str) -> list[str]:
    """The paths of the files that git tracks, and that are there."""
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file() and name != "tests/test_words.py"]


def lines(name: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file; of the changelog, only of what is not released."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name == "CHANGELOG.md":
        text = re.split(r"^## \d", text, maxsplit=1, flags=re.MULTILINE)[0]
    return enumerate(text.splitlines(), 1)


def words_of(line: str) -> str:
    """The line with the words of its identifiers apart: `myHand_file's` is `my Hand file s`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_|(?<=[A-Za-z])'(?=s\b)", " ", line)


def excepted(name: str, line: str) -> bool:
    return any(fnmatch(name, one.files) and re.search(one.words, line) for one in EXCEPTIONS)


@pytest.mark.parametrize("entry", WORDS)
def test_a_word_that_was_replaced_is_found_nowhere(entry: str) -> None:
    pattern = re.compile(rf"\b({WORDS[entry]})\b", re.IGNORECASE)
    there = [
        f"{name}:{number}: {line.strip()[:160]}"
        for name in tracked("*.py", "*.toml", "*.md")
        for number, line in lines(name)
        if pattern.search(words_of(line)) and not excepted(name, line)
    ]
    assert not there, "\n".join(there)


def public_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names that a reader meets far from where they are made: of functions, arguments, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.lineno, node.target.id


def test_names_say_what_they_hold() -> None:
    there = [
        f"{name}:{number}: {called}"
        for name in tracked("*.py")
        for number, called in public_names(ast.parse((ROOT / name).read_text(encoding="utf-8")))
        if called.strip("_").lower() in EMPTY_NAMES
    ]
    assert not there, "\n".join(there)


def test_identifiers_are_searched_word_by_word() -> None:
    assert words_of("myHand_file's HandError") == "my Hand file s Hand Error"
