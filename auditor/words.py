"""The sentences of the reports, in Dutch and English: words.toml."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

LANGUAGES: Final = ("nl", "en")

_SENTENCES: Final[Mapping[str, list[str]]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
)

WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        language: {code: sentences[place] for code, sentences in _SENTENCES.items()}
        for place, language in enumerate(LANGUAGES)
    }
)
"""Language -> code -> sentence."""
