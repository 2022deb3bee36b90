"""The image's recipe against the checkout and the chart that runs it. No engine builds it here."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import helm_python
import yaml

from guanjia.settings import PREFIX, PROJECT_ROOT, Settings, variable

CHART = PROJECT_ROOT / "helm"


def instructions() -> list[tuple[str, list[str]]]:
    text = (PROJECT_ROOT / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], shlex.split(line.split(maxsplit=1)[1])) for line in lines]


def of(kind: str) -> list[list[str]]:
    return [words for name, words in instructions() if name == kind]


def pod(kind: str) -> dict[str, Any]:
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render({}, name="guanjia", namespace="guanjia")
    found = [d for text in files.values() for d in yaml.safe_load_all(text) if d]
    spec: dict[str, Any] = next(d for d in found if d["kind"] == kind)["spec"]["template"]["spec"]
    return spec


def test_every_source_exists_and_is_let_in() -> None:
    let_in = (PROJECT_ROOT / ".containerignore").read_text().split()
    copied = [word for words in of("COPY") if not words[0].startswith("--") for word in words[:-1]]
    assert {"platform", "policies", "tenants", "requirements.lock"} <= set(copied)
    for name in copied:
        assert (PROJECT_ROOT / name).exists(), name
        assert f"!{name}" in let_in


def test_what_the_wheel_needs_is_there_when_it_is_built() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    first = [words for words in of("COPY") if not words[0].startswith("--")][:2]
    assert {"pyproject.toml", *project["tool"]["setuptools"]["packages"]["find"]["where"]} <= {
        word for words in first for word in words
    }


def test_the_user_is_the_charts() -> None:
    security = pod("Deployment")["securityContext"]
    assert of("USER")[-1] == [f"{security['runAsUser']}:{security['runAsGroup']}"]
    assert security["runAsUser"] > 0


def test_the_command_and_the_port_are_the_charts() -> None:
    assert of("ENTRYPOINT") == [["[guanjia]"]]
    container = pod("Deployment")["containers"][0]
    assert "command" not in container
    assert "command" not in pod("Job")["containers"][0]
    assert [str(port["containerPort"]) for port in container["ports"]] == of("EXPOSE")[0]


def test_variables_are_settings_and_what_is_written_is_on_the_charts_mount() -> None:
    given = dict(word.split("=", 1) for words in of("ENV") for word in words)
    known = {variable(name) for name in Settings.model_fields}
    assert {name for name in given if name.startswith(PREFIX)} <= known
    mounts = [mount["mountPath"] for mount in pod("Deployment")["containers"][0]["volumeMounts"]]
    assert any(Path(given["GUANJIA_STATE_DIR"]).is_relative_to(mount) for mount in mounts)
    workdir = of("WORKDIR")[-1][0]
    for name in ("policies", "tenants"):
        assert given[f"GUANJIA_{name.upper()}_DIR"] == f"{workdir}/{name}"
        assert [name, name] in of("COPY")


def test_the_interpreter_is_one_the_project_takes() -> None:
    images = {words[0] for words in of("FROM")}
    assert images == {"docker.io/library/python:3.11-slim"}


def test_every_file_of_the_package_goes_into_the_wheel() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    package = PROJECT_ROOT / "platform" / "guanjia"
    patterns = [*project["tool"]["setuptools"]["package-data"]["guanjia"], "**/*.py"]
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    files = {
        path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - packed == set()
