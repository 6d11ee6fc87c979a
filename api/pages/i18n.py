"""Language of the pages: English source texts, a Dutch catalogue in gettext form, one catalogue for templates and modules.

The `.po` file is read as it is, once per process; nothing has to be compiled after a clone.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Final = ("nl", "en")
SOURCE_LANGUAGE: Final = "en"
LOCALE_DIR: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "vms"


def marked(text: str) -> str:
    """Mark a text for the catalogue without translating it yet (gettext's `N_`)."""
    return text


def read_catalogue(language: str) -> Catalog:
    """Read the catalogue of one language from its `.po` file."""
    path = LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


@lru_cache
def translations(language: str) -> NullTranslations:
    """Return the translator of a language; the source language translates to itself."""
    if language == SOURCE_LANGUAGE or language not in LANGUAGES:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


@lru_cache
def module_catalogue(language: str) -> dict[str, str]:
    """Return msgid -> text for the ES modules; empty for the source language."""
    if language == SOURCE_LANGUAGE:
        return {}
    return {
        message.id: message.string
        for message in read_catalogue(language)
        if isinstance(message.id, str) and message.id and isinstance(message.string, str) and message.string
    }


def pick_language(asked: str | None, account: str | None, cookie: str | None, default: str) -> str:
    """Choose the language of a page; what the browser would like is not asked: Dutch is the default, English a choice.

    Args:
        asked: `?language=` of the address.
        account: what the person has chosen in the account.
        cookie: what this browser chose before signing in.
        default: the settings' default.
    """
    return next((wish for wish in (asked, account, cookie, default) if wish in LANGUAGES), SOURCE_LANGUAGE)
