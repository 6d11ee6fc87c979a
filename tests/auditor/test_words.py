"""Every sentence exists in both languages and is said somewhere."""

import re
from pathlib import Path
from string import Formatter

from auditor.words import WORDS
from tests.auditor.bundles import ROOT

_SAID = re.compile(
    r'(?:find|doubt|note|CannotVerifyError)\(\s*(?:code, |)"([a-z0-9-]+)"|"((?:entry|segments|copies)-[a-z-]+)"'
)


def test_every_finding_has_a_sentence_in_both_languages_with_the_same_values() -> None:
    """An auditor must not meet a code, nor a sentence with a hole in it."""
    said = {
        one for path in _modules() for pair in _SAID.findall(path.read_text(encoding="utf-8")) for one in pair if one
    }
    sentences = {code for code in WORDS["nl"] if "." not in code} - {"more"}
    assert said - set(WORDS["nl"]) == set()
    assert sentences - said == set(), "nobody says these"
    for code, text in WORDS["nl"].items():
        assert text, code
        assert _values(text) == _values(WORDS["en"][code]), code


def _values(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _modules() -> list[Path]:
    return sorted((ROOT / "auditor").glob("*.py"))
