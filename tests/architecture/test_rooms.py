"""The shape of the code: what reviewers would otherwise have to watch."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from vms.ledger.acts import Act

ROOT = Path(__file__).parents[2]
PACKAGES = ("vms", "ingest", "blanking", "retention", "api", "config", "sample_streams", "auditor")
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
_REASON = re.compile(r"(: [A-Z]+\d+(, [A-Z]+\d+)*|\[[a-z, -]+\])\s.*[a-z]{4}")
EMPTY_WORDS = {"utils", "util", "helpers", "common", "manager", "base", "core", "misc", "const"}


def modules() -> Iterator[Path]:
    """Yield each module of the product and the demo city."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield each function of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_a_screen() -> None:
    """Long functions are where the systems we compare ourselves with go wrong (../shared/style.md)."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {length}"
        for path in modules()
        for node in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_module_is_a_room_for_everything() -> None:
    """A module that a newcomer can't hold in the head is split."""
    long = [
        str(path.relative_to(ROOT))
        for path in modules()
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    """`utils` is where code goes that has no room."""
    assert [path for path in modules() if path.stem in EMPTY_WORDS] == []


def test_every_lint_exception_has_its_reason_beside_it() -> None:
    """An exception without a reason can't be reviewed."""
    bare = []
    for path in modules():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for marker in ("# noqa", "# type: ignore"):
                if marker in line:
                    tail = line.split(marker, 1)[1]
                    if not _REASON.match(tail):
                        bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []


def test_only_one_module_talks_to_each_foreign_library() -> None:
    """A library's oddities stay in one place."""
    owners = {
        "onvif": set(),
        "zeep": set(),
        "argon2": {"api/passwords.py"},
        "psycopg": {"vms/db/engine.py"},
        "typer": "vms/cli/",
        "pkcs11": {"vms/footage/roots/token.py"},
    }
    strangers = []
    for path in modules():
        name = str(path.relative_to(ROOT))
        if name.startswith("sample_streams/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and node.level == 0
                else []
            )
            for module in imported:
                owner = owners.get(module.split(".")[0])
                if owner is None or (isinstance(owner, str) and name.startswith(owner)) or name in owner:
                    continue
                strangers.append(f"{name} imports {module}")
    assert strangers == []


@pytest.mark.parametrize("name", ["runtime", "build", "tokens", "dev"])
def test_requirements_are_locked_with_hashes_and_name_no_registry(name: str) -> None:
    """Any index serves; a changed file is refused; no machine's address is in the repository."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index" not in text


def test_every_runtime_requirement_has_a_decision() -> None:
    """A dependency that nobody argued for is a dependency too many."""
    given = {"opencv-python", "numpy", "av", "fastapi", "uvicorn", "sqlalchemy", "shapely"}
    named = {
        line.split("[")[0]
        for line in (ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8").split()
        if line
    }
    record = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text(encoding="utf-8")
    assert {name for name in named - given if name not in record} == set()


def test_layers_name_every_package() -> None:
    """A package outside the import contracts would be free to import anything."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert set(contracts["root_packages"]) == set(PACKAGES)


NOT_YET_WRITTEN = {
    "PLAN_WITHDRAW": "nothing withdraws a plan but the approval of the next one, which is `plan.approve`",
}


def test_every_act_of_the_catalogue_is_written_somewhere() -> None:
    """An act that nothing writes is a promise to the reader of the log that nobody keeps."""
    used = {
        node.attr
        for path in modules()
        if path.relative_to(ROOT).as_posix() not in {"vms/ledger/acts.py", "api/pages/texts.py"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Act"
    }
    assert {act.name for act in Act} - used <= set(NOT_YET_WRITTEN)
