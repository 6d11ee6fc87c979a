"""Everything that people read exists in Dutch, and stands in the catalogue and not in the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.jslexer import Token, tokenize

from api.pages.catalogue import module_texts, texts
from api.pages.i18n import LOCALE_DIR, module_catalogue, pick_language
from api.pages.texts import ACT_TEXTS, ERROR_TEXTS, act_text, error_text
from vms.ledger.acts import Act

PAGES = LOCALE_DIR.parent
ROOT = PAGES.parent.parent
CODE = re.compile(r"""\bcode=\(?\s*["']([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+)["']""")
# What a request runs through. Codes from deeper down get the general sentence of their class: nobody at a page can do more about them.
REACHABLE = (
    "api/**/*.py",
    "retention/early.py",
    "retention/holds.py",
    "retention/override.py",
    "vms/bus/commands.py",
    "vms/bus/local.py",
    "vms/bus/channel.py",
    "vms/bus/commissioning.py",
    "vms/db/asking.py",
    "vms/db/commissioning.py",
    "vms/db/exports.py",
    "vms/db/fixed_views.py",
    "vms/db/holds.py",
    "vms/db/placements.py",
    "vms/db/plans.py",
    "vms/db/proofs.py",
    "vms/db/reviews.py",
    "blanking/exchange.py",
    "vms/footage/playback.py",
    "vms/evidence/export.py",
    "vms/evidence/paper.py",
    "vms/evidence/sheet.py",
    "vms/model.py",
)
ONLY_FOR_ADMINISTRATORS = {
    "api/accounts.py": "called from the command line",
    "api/passwords.py": "called from the command line, except for auth.busy",
    "api/routers/health.py": "read by machines",
    "api/exporting.py": "in the background; the export's own failure is shown",
}
NOT_SENT = {"recorder.fenced": "raised in a recorder only", "plan.none": "withdrawing is for the command line"}
# A sentence: two words of letters beside each other. Class lists and selectors are told apart by where they stand.
SENTENCE = re.compile(r"[A-Za-zÀ-ÿ]{2,}[,.:;]? [A-Za-zÀ-ÿ]{2,}")
NOT_FOR_PEOPLE = {
    "class",
    "toggle",
    "info",
    "querySelector",
    "querySelectorAll",
    "closest",
    "matches",
    "className",
    "kind",
}


CLASSES = {
    name
    for path in (PAGES / "static").glob("*.css")
    for name in re.findall(r"\.([a-z][a-z-]+)", path.read_text(encoding="utf-8"))
}


def test_every_text_has_a_dutch_translation() -> None:
    """An operator at night must never meet an English sentence between Dutch ones."""
    dutch = module_catalogue("nl")
    missing = sorted({text for _name, _line, text in texts()} - dutch.keys())
    assert not missing, f"run `python -m api.pages.catalogue` and translate: {missing}"


def test_dutch_has_one_word_for_masked_and_one_for_ending_a_hold() -> None:
    """Because whoever reads five words for one thing looks for five things: *afgeschermd, afscherming*; a hold is *opgeheven*."""
    others = re.compile(
        r"afgedekt|afdekk|\bdekt\b|gemaskeerd|geblankt|blanking|zonder (grijze )?vlakken|vrijge", re.IGNORECASE
    )
    assert not {text: dutch for text, dutch in module_catalogue("nl").items() if others.search(dutch)}


def test_texts_inside_of_template_literals_are_found() -> None:
    """Because one that is lost there stays English between Dutch words, and no other test would know."""
    nested = '`${b} · ${t("since {time}", { time: f({ at: `${t("in \\"it\\"")}` }) })}`'
    source = f'const a = {nested} + tn(n, "{{count}} day", "{{count}} days"); format("no");'
    assert {text for _at, text in module_texts(source)} == {"since {time}", 'in "it"', "{count} day", "{count} days"}


@pytest.mark.parametrize("path", sorted((PAGES / "static").glob("*.js")), ids=lambda path: path.name)
def test_every_call_for_a_text_has_a_literal_that_the_catalogue_knows(path: Path) -> None:
    """A text that is put together, or that the extractor does not see, can't be translated."""
    source = re.sub(r"^export function tn?\(.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    calls = len(re.findall(r"(?<![\w.$])tn?\((?!count === 1)", source))
    found = list(module_texts(source))
    assert len({at for at, _text in found}) == calls
    assert {text for _at, text in found} <= module_catalogue("nl").keys()


def test_the_catalogue_has_no_text_that_is_gone() -> None:
    """Old texts would be translated again and again by people who trust the list."""
    assert not set(module_catalogue("nl")) - {text for _name, _line, text in texts()}


def _fields(text: str) -> set[str]:
    return {name for _literal, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def test_a_translation_has_the_same_fields_as_its_text() -> None:
    """A field that is lost hides a number or a name; one too many shows braces to people."""
    assert not {text: dutch for text, dutch in module_catalogue("nl").items() if _fields(text) != _fields(dutch)}


def _raised_codes() -> Iterator[tuple[str, str]]:
    for pattern in REACHABLE:
        for path in sorted(ROOT.glob(pattern)):
            name = str(path.relative_to(ROOT))
            for code in CODE.findall(path.read_text(encoding="utf-8")):
                if name not in ONLY_FOR_ADMINISTRATORS and code not in NOT_SENT:
                    yield code, name


def test_every_error_code_that_can_reach_a_person_has_a_sentence() -> None:
    """Without one people get the general sentence, which does not say what to do."""
    missing = {code: path for code, path in _raised_codes() if code not in ERROR_TEXTS}
    assert not missing


def test_every_act_of_the_ledger_has_words() -> None:
    """The log is read by people who do not know the codes."""
    assert {act.value for act in Act} == set(ACT_TEXTS)


def test_an_error_sentence_is_in_the_readers_language_with_its_values() -> None:
    """The API speaks through this function."""
    assert (
        error_text("nl", "ptz.locked", {"holder": "A. Smit"}) == "A. Smit bedient deze camera. Wacht tot zij vrij is."
    )
    assert error_text("en", "ptz.locked", {}) == "holder is moving this camera. Wait until it is free."
    assert error_text("nl", "no.such.code", {}) is None
    assert act_text("nl", "hold.place") == "stelde beelden veilig"


def test_dutch_is_the_default_and_english_a_choice() -> None:
    """What the address asks for counts before the account, that before the browser's cookie."""
    assert pick_language(None, None, None, "nl") == "nl"
    assert pick_language("en", "nl", None, "nl") == "en"
    assert pick_language(None, "en", "nl", "nl") == "en"
    assert pick_language("fr", None, "en", "nl") == "en"


def _untranslated(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    for index, token in enumerate(tokens):
        if token.type not in {"string", "template_string"} or not SENTENCE.search(_bare(token.value)):
            continue
        # A translated text directly follows `t(` or stands inside `tn(`: look back to the call's name.
        before = [earlier.value.rsplit(".", 1)[-1] for earlier in tokens[max(0, index - 8) : index]]
        is_translated = before[-2:] == ["t", "("] or "tn" in before
        is_for_code = any(value in NOT_FOR_PEOPLE for value in before[-4:])
        is_class_list = set(token.value.strip("\"'`").split()) <= CLASSES
        if not is_translated and not is_for_code and not is_class_list:
            yield token.lineno, token.value


def _bare(literal: str) -> str:
    """Return a literal without the expressions in it."""
    text, changes = literal[1:-1], 1
    while changes:
        text, changes = re.subn(r"\$?\{[^{}]*\}", "", text)
    return text


@pytest.mark.parametrize("path", sorted((PAGES / "static").glob("*.js")), ids=lambda path: path.name)
def test_no_module_has_a_sentence_of_its_own(path: Path) -> None:
    """A text that does not go through the catalogue stays English for ever."""
    source = path.read_text(encoding="utf-8")
    assert not list(_untranslated(list(tokenize(source))))


@pytest.mark.parametrize("path", sorted((PAGES / "templates").glob("*.html")), ids=lambda path: path.name)
def test_no_template_has_a_sentence_of_its_own(path: Path) -> None:
    """As for modules: everything between tags and in labels goes through the catalogue."""
    source = re.sub(r"\{[{%#].*?[}%#]\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    between = [text.strip() for text in re.findall(r">([^<]*)<", source) if re.search(r"[A-Za-z]{2}", text)]
    labels = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*[A-Za-z][^"]*)"', source)
    assert [text for text in between if text != "· VMS"] + labels == []


@pytest.mark.parametrize("code", ["StorageFull", "footage.full", "database.full", "keys.tpm-full", "keys.token-full"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_answer_about_a_full_volume_says_nothing_of_recording(language: str, code: str) -> None:
    """It may be the volume of database, keys or packages, and recording goes on: only the worker knows, and says so itself."""
    text = error_text(language, code, {}) or error_text(language, "StorageFull", {})
    assert text is not None
    assert not re.search("record|opgenomen|opname", text, re.IGNORECASE), text
