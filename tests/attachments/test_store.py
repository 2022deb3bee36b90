"""The same store in a folder and in a bucket that speaks S3 over HTTP."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from guanjia import settings
from guanjia.attachments.store import Missing, Store, store_of
from guanjia.db.ids import new_id


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a local S3 server with the bucket `kept`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("s3")
    (folder / "kept").mkdir()
    server = subprocess.Popen(
        [sys.executable, "-m", "localbucket", str(folder), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                httpx.get(address)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(params=["folder", "bucket"])
def store(request: Any, tmp_path: Any) -> Store:
    given: dict[str, Any] = {"attachments_dir": tmp_path / "kept"}
    if request.param == "bucket":
        given = {
            "s3_bucket": "kept", "s3_endpoint": request.getfixturevalue("bucket"),
            "s3_access_key_id": "test", "s3_secret_access_key": "test",
        }  # fmt: skip
    return store_of(settings.load().model_copy(update=given))


async def test_bytes_come_back_until_they_are_deleted(store: Store) -> None:
    tenant, other, content = new_id(), new_id(), b"x" * 100_000
    sha = hashlib.sha256(content).digest()
    await store.put(tenant, sha, "content", content)
    await store.put(tenant, sha, "content", b"something else")
    assert await store.get(tenant, sha, "content") == content, "what is there never changes"
    await store.put(tenant, sha, "thumbnail", b"small")
    assert [found async for found in store.hashes(tenant)] == [sha]
    assert [found async for found in store.hashes(other)] == []
    with pytest.raises(Missing):
        await store.get(other, sha, "content")
    await store.delete(tenant, sha)
    await store.delete(tenant, sha)
    with pytest.raises(Missing):
        await store.get(tenant, sha, "content")
    assert [found async for found in store.hashes(tenant)] == []
