"""Fixtures for tests of the auditor's tool: a town with a week behind it, and its bundle."""

from tests.retention.conftest import quick_database, quick_folder, quick_url, town

__all__ = ["quick_database", "quick_folder", "quick_url", "town"]
