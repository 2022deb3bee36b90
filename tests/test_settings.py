"""The environment is read once, faults are sentences, and secrets stay secret."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pydantic import ValidationError

from guanjia import settings

DATABASE = "postgresql://app_rw:hunter2@db/guanjia"
MASTER = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ="


@dataclasses.dataclass
class Environment:
    patch: pytest.MonkeyPatch

    def set(self, **values: str) -> None:
        for name, value in values.items():
            self.patch.setenv(settings.variable(name), value)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
            patch.delenv(name)
        made = Environment(patch)
        made.set(state_dir=str(tmp_path / "state"))
        yield made


def pem(key: object) -> str:
    assert hasattr(key, "private_bytes")
    encoded: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded.decode()


def test_nothing_set_is_development_on_loopback(environment: Environment) -> None:
    read = settings.read()
    assert (read.environment, read.host, read.port) == ("development", "127.0.0.1", 8000)
    assert read.database_url is None
    read.check_for_serving()


def test_settings_are_frozen(environment: Environment) -> None:
    with pytest.raises(ValidationError):
        settings.read().port = 9000  # type: ignore[misc]  # the refusal is what is tested


def test_an_empty_variable_counts_as_not_set(environment: Environment) -> None:
    environment.set(port="", database_url="")
    assert settings.read().port == 8000


def test_relative_folders_start_at_the_project_root(environment: Environment) -> None:
    environment.set(tenants_dir="elsewhere", policies_dir="/etc/guanjia/policies")
    read = settings.read()
    assert read.tenants_dir == settings.PROJECT_ROOT / "elsewhere"
    assert read.policies_dir == Path("/etc/guanjia/policies")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("port", "http", "应为整数"),
        ("port", "0", "不能小于 1"),
        ("port", "70000", "不能大于 65535"),
        ("environment", "prod", "development 或 production"),
        ("database_url", "mysql://hunter2@db", "postgresql://"),
        ("idle_seconds", "0", "应大于 0"),
        ("cursor_key", "hunter2", "至少 32 个字节"),
        ("signing_key", "hunter2", "Ed25519"),
        ("master_key", "hunter2", "Base64"),
        ("master_key", "aHVudGVyMg==", "32 个字节"),
    ],
)
def test_a_fault_is_one_sentence_with_its_variable(
    environment: Environment, name: str, value: str, said: str
) -> None:
    environment.set(**{name: value})
    with pytest.raises(settings.SettingsError) as refused:
        settings.read()
    (sentence,) = refused.value.sentences
    assert settings.variable(name) in sentence
    assert said in sentence
    assert "hunter2" not in sentence


def test_only_an_ed25519_key_signs(environment: Environment) -> None:
    environment.set(signing_key=pem(generate_private_key(65537, 2048)))
    with pytest.raises(settings.SettingsError, match="Ed25519"):
        settings.read()
    own = pem(Ed25519PrivateKey.generate())
    environment.set(signing_key=own)
    assert settings.read().signing_key_pem() == own


def test_secrets_are_not_in_the_repr(environment: Environment) -> None:
    key = pem(Ed25519PrivateKey.generate())
    urls = {name: DATABASE for name in settings.Settings.model_fields if name.endswith("_url")}
    environment.set(signing_key=key, cursor_key="hunter2" * 5, master_key=MASTER, **urls)
    shown = repr(settings.read())
    assert "hunter2" not in shown
    assert MASTER not in shown
    assert key.splitlines()[1] not in shown


def test_production_names_everything_that_is_missing(environment: Environment) -> None:
    environment.set(environment="production", database_url=DATABASE)
    with pytest.raises(settings.SettingsError) as refused:
        settings.read().check_for_serving()
    named = {
        name
        for name in settings.NEEDED_IN_PRODUCTION
        if settings.variable(name) in str(refused.value)
    }
    assert "GUANJIA_READ_DATABASE_URL" in str(refused.value)
    assert {"read_database_url", "signing_key", "cursor_key", "master_key"} <= named
    assert "GUANJIA_S3_BUCKET" in str(refused.value), "attachments would go with the container"
    assert len(refused.value.sentences) == 5


def test_a_worker_needs_no_key_in_production(environment: Environment) -> None:
    environment.set(environment="production")
    with pytest.raises(settings.SettingsError) as refused:
        settings.read().check_for_working()
    said = str(refused.value)
    assert [name for name in settings.NEEDED_IN_PRODUCTION if settings.variable(name) in said] == [
        "database_url", "read_database_url",
    ]  # fmt: skip
    assert "GUANJIA_S3_BUCKET" in said, "what it sweeps is where the server puts it"


def test_production_makes_no_keys_of_its_own(environment: Environment) -> None:
    environment.set(environment="production")
    read = settings.read()
    for secret in (read.signing_key_pem, read.cursor_secret, read.master_keys):
        with pytest.raises(settings.SettingsError, match="缺少环境变量"):
            secret()
    assert not read.state_dir.exists()


def test_a_database_needs_both_its_roles(environment: Environment) -> None:
    environment.set(database_url=DATABASE)
    with pytest.raises(settings.SettingsError, match="GUANJIA_READ_DATABASE_URL"):
        settings.read().check_for_serving()


def test_development_keys_are_made_once_and_private(environment: Environment) -> None:
    read = settings.read()
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: read.signing_key_pem(), range(8)))
    assert len(keys) == 1
    assert settings.read().signing_key_pem() in keys
    assert settings.read().cursor_secret() == read.cursor_secret()
    assert settings.read().master_keys() == read.master_keys()
    assert {path.name for path in read.state_dir.iterdir()} == {
        "signing_key",
        "cursor_key",
        "master_key",
    }
    for path in read.state_dir.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_unknown_variable_is_named_with_the_nearest_known_one() -> None:
    given = {"GUANJIA_DATABSE_URL": "x", "GUANJIA_PORT": "1", "PATH": "/bin"}
    (sentence,) = settings.unknown_variables(given)
    assert "GUANJIA_DATABSE_URL" in sentence
    assert "GUANJIA_DATABASE_URL" in sentence
