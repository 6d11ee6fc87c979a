"""The register of what is made of footage holds against the code, the database and the documentation."""

import importlib
import re
from pathlib import Path

from sqlalchemy import LargeBinary

from vms.db.tables import metadata
from vms.footage import store
from vms.footage.register import REGISTER, as_rows

ROOT = Path(__file__).parents[2]
NO_PICTURES = {
    ("ledger_entry", "body"): "words",
    ("ledger_tile", "hashes"): "hashes",
    ("ledger_text", "salt"): "random bytes",
    ("ledger_stamp", "query"): "a hash, to be stamped",
    ("ledger_stamp", "response"): "its time stamp",
    ("camera", "sealed_password"): "a password, sealed",
}
"""Columns of bytes that have nothing to do with footage."""


def test_the_table_in_the_documentation_is_the_register() -> None:
    """An auditor reads the documentation, not the code."""
    text = (ROOT / "docs" / "erasing.md").read_text(encoding="utf-8")
    begin = text.index(as_rows()[0])
    assert text[begin : text.index("\n\n", begin)].splitlines() == as_rows()


def test_every_column_that_could_hold_pictures_is_in_the_register() -> None:
    """Bytes in a row outlive every file."""
    columns = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    registered = {name for one in REGISTER for name in one.tables}
    assert {table for table, _ in columns - set(NO_PICTURES)} == registered
    assert set(NO_PICTURES) <= columns


def test_what_the_register_says_erases_is_there_and_can_be_called() -> None:
    """A name that leads nowhere erases nothing."""
    for one in REGISTER:
        for name in one.erased_by:
            module, _, path = name.partition(":")
            found = importlib.import_module(module)
            for part in path.split("."):
                found = getattr(found, part)
            assert callable(found), name


def test_whatever_has_a_key_or_a_file_has_code_that_erases_it() -> None:
    """Only what is never at rest, or no picture, dies by itself."""
    for one in REGISTER:
        assert bool(one.erased_by) == bool(one.tables or one.suffixes), one.what


def test_every_ending_of_the_store_is_in_the_register() -> None:
    """A new kind of file is a new thing to erase."""
    named = {suffix for one in REGISTER for suffix in one.suffixes}
    assert {f".{kind}" for kind in store._KINDS} | {".vpkg"} == named


def test_pages_keep_no_pictures_in_the_browser() -> None:
    """What a browser stored would outlive the footage, out of reach."""
    keeping = re.compile(
        r"indexedDB|\bcaches\.|localStorage|serviceWorker|showSaveFilePicker|toBlob|toDataURL|cookieStore|navigator\.storage"
    )
    for path in (ROOT / "api" / "pages" / "static").rglob("*.js"):
        assert not keeping.search(path.read_text(encoding="utf-8")), path.name
    assert keeping.search("await caches.open('v1')")
