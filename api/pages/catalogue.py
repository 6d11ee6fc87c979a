"""Keep the Dutch catalogue complete: collect the texts of templates, modules and Python, and merge them into the `.po` file.

python -m api.pages.catalogue       adds new texts (untranslated) and drops old ones
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from api.pages.i18n import DOMAIN, LANGUAGES, LOCALE_DIR, SOURCE_LANGUAGE, read_catalogue

_METHODS: Final = [("templates/**.html", "jinja2"), ("**.py", "python")]
# A call and its literals. Babel's own reader of modules loses what stands inside of a template literal with braces of its own.
_LITERAL: Final = r'"((?:[^"\\]|\\.)*)"'
_ONE: Final = re.compile(rf"(?<![\w.$])t\(\s*{_LITERAL}")
_ONE_OR_MANY: Final = re.compile(rf"(?<![\w.$])tn\([^\"]*?{_LITERAL},\s*{_LITERAL}")
_KEYWORDS: Final = {"_": None, "N_": None}
_OPTIONS: Final = {
    "templates/**.html": {"encoding": "utf-8"},
}


def texts() -> Iterator[tuple[str, int, str]]:
    """Return file, line and English text of everything that people may read."""
    folder = str(LOCALE_DIR.parent)
    for name, line, found, _comments, _context in extract_from_dir(
        folder, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    ):
        for text in (found,) if isinstance(found, str) else found:
            if text:
                yield name, line, text
    for path in sorted((LOCALE_DIR.parent / "static").glob("*.js")):
        source = path.read_text(encoding="utf-8")
        for at, text in module_texts(source):
            yield f"static/{path.name}", source.count("\n", 0, at) + 1, text


def module_texts(source: str) -> Iterator[tuple[int, str]]:
    """Return the texts of a module with where they stand, also those inside of template literals."""
    for pattern in (_ONE, _ONE_OR_MANY):
        for call in pattern.finditer(source):
            for text in call.groups():
                # The escapes of a JavaScript string in double quotes that texts use are JSON's.
                yield call.start(), json.loads(f'"{text}"')


def collected() -> Catalog:
    """Return a template catalogue of all texts."""
    template = Catalog(domain=DOMAIN, charset="utf-8")
    for name, _line, text in texts():
        # Files without line numbers: the catalogue changes only when a text does.
        template.add(text, locations=[(name, 0)])
    return template


def merge(language: str) -> Catalog:
    """Return the catalogue of a language with exactly the texts that exist now."""
    catalogue = read_catalogue(language)
    catalogue.update(collected(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def _main() -> int:
    missing = 0
    for language in LANGUAGES:
        if language == SOURCE_LANGUAGE:
            continue
        catalogue = merge(language)
        with (LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("wb") as file:
            write_po(file, catalogue, width=140, sort_output=True, include_lineno=False, ignore_obsolete=True)
        missing += sum(1 for message in catalogue if message.id and not message.string)
    sys.stdout.write(f"{missing} texts to translate\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(_main())
