"""The rules of the house that a machine can see."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from guanjia.settings import MODULES, PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "platform" / "guanjia"
LONGEST = 400
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc"}
TARGETS = {"help", "demo", "test", "check", "schema", "bench", "proof", "clean"}
LOCKS = ("requirements.lock", "requirements-dev.lock")


def sources() -> list[Path]:
    return sorted(
        path
        for folder in ("platform", "tests", "bench")
        for path in (PROJECT_ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html"} and "__pycache__" not in path.parts
    )


def targets() -> set[str]:
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_the_standard_library_is_not_shadowed() -> None:
    assert not (PROJECT_ROOT / "platform" / "__init__.py").exists()
    assert not (PROJECT_ROOT / "tests" / "__init__.py").exists()


def test_files_stay_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {str(path): count for path, count in lines.items() if count > LONGEST} == {}


def test_names_say_something() -> None:
    inside = [path.relative_to(PROJECT_ROOT).with_suffix("") for path in sources()]
    assert [path for path in inside if VAGUE & set(path.parts)] == []


def test_casbin_is_known_in_one_place() -> None:
    knowing = [path for path in sources() if path.suffix == ".py" and "casbin" in imported(path)]
    within = [path for path in knowing if PACKAGE in path.parents]
    assert within == [PACKAGE / "access" / "policy.py"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_parts(module: str) -> None:
    """A part of the schema; and models with their migrations, or rows of its own at all."""
    folder = PACKAGE / module
    has = {
        name
        for name in ("models", "migrations", "schema")
        if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()
    }
    assert has in ({"models", "migrations", "schema"}, {"schema"})
    assert module == "indicators" or "models" in has


@pytest.mark.parametrize("file", ["models.py", "service.py"])
def test_rows_and_use_cases_know_no_web(file: str) -> None:
    parts = [*PACKAGE.glob(f"*/{file}"), *PACKAGE.glob(f"*/{file.removesuffix('.py')}/*.py")]
    assert parts
    knowing = {path: imported(path) & {"strawberry", "starlette"} for path in parts}
    assert {str(path): names for path, names in knowing.items() if names} == {}


@pytest.mark.parametrize("name", LOCKS)
def test_locks_pin_by_hash_and_name_no_address(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text()
    assert not re.search(r"https?:|file:|--index-url|--find-links|--trusted-host", text)
    blocks = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)
    pins = [block for block in blocks if re.match(r"[A-Za-z]", block)]
    assert len(pins) > 20
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_locks_agree() -> None:
    pinned = [
        dict(re.findall(r"^([\w.-]+)(?:\[\S*\])?==(\S+)", text, flags=re.MULTILINE))
        for text in ((PROJECT_ROOT / name).read_text() for name in LOCKS)
    ]
    server, everything = pinned
    assert {name: everything.get(name) for name in server} == server


def test_the_commands_exist() -> None:
    assert targets() >= TARGETS


def test_the_readme_names_commands_that_exist() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", readme))
    assert {"demo", "test", "check"} <= named
    assert named <= targets()


def test_ci_runs_the_check() -> None:
    runner = PROJECT_ROOT / ".ci" / "run"
    assert "make check" in runner.read_text()
    assert runner.stat().st_mode & 0o111


def test_nothing_made_by_a_run_is_committed() -> None:
    if not (PROJECT_ROOT / ".git").exists():
        return  # an unpacked archive has no record of what is committed
    listed = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    made = [path for path in listed if path.startswith((".venv", ".guanjia/", ".hypothesis"))]
    assert made == []
