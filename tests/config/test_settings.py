"""Settings are read once, checked at once, and documented."""

from pathlib import Path

import pytest

from config import Settings, load
from vms.errors import InvalidInput

ROOT = Path(__file__).parents[2]


def test_the_defaults_are_valid_and_keep_less_than_28_days() -> None:
    """Whoever sets nothing must be within the law."""
    settings = load(None, {})
    assert settings.keep_for.total_seconds() < 28 * 86_400


@pytest.mark.parametrize("days", ["0", "29", "400"])
def test_no_setting_exceeds_the_ceiling_of_28_days(days: str) -> None:
    """The law's ceiling is not an administrator's choice."""
    with pytest.raises(InvalidInput, match="retention_days"):
        load(None, {"VMS_RETENTION_DAYS": days})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """One image, many machines: the file is the house's, the environment the machine's."""
    path = tmp_path / "vms.toml"
    path.write_text('api_port = 1\nlog_level = "ERROR"\n', encoding="utf-8")
    settings = load(path, {"VMS_API_PORT": "2"})
    assert (settings.api_port, settings.log_level) == (2, "ERROR")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense = 1", "nonsense"),
        ("api_port = 70000", "api_port"),
        ("not toml", "vms.toml"),
        ('public_origin = "x"', "public_origin"),
        ("retention_margin_s = 60\nsweep_every_s = 30", "sweep_every_s"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    """A person who mistypes must read where."""
    path = tmp_path / "vms.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=named):
        load(path, {})


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """Running on defaults because of a typing error would be a silent change of everything."""
    with pytest.raises(InvalidInput, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", {})


def test_settings_never_change() -> None:
    """Frozen: no code path can turn retention up at run time."""
    with pytest.raises(ValueError, match="frozen"):
        load(None, {}).retention_days = 99  # type: ignore[misc] - the point of the test


def test_the_docs_name_every_setting_with_its_default_and_meaning() -> None:
    """Docs that fall behind mislead."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = "" if field.default in {None, ""} else f"`{field.default}`"
        assert f"| `{name}` | {default} | {field.description} |" in text, name


def test_the_example_file_is_valid() -> None:
    """People copy examples."""
    assert load(ROOT / "config" / "example.toml", {}).retention_days == 28


def test_a_mistyped_setting_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    """A setting that is not there is not obeyed: whoever wrote it must learn that, and how it is spelt."""
    file = tmp_path / "vms.toml"
    file.write_text("retenton_days = 14\nsweep_evry_s = 20\nqqq = 1\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load(file, {})
    said = str(caught.value)
    assert (
        "there is no setting retenton_days (retention_days?); there is no setting sweep_evry_s (sweep_every_s?)" in said
    )
    assert "there is no setting qqq;" in said.replace(" (from", "; (from")
