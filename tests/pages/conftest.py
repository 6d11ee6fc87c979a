"""One Chromium for a module, and what it complained about."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pages.running import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What it complained about: script errors, and what the security policy refused."""
    return []
