"""Where the bytes lie: a folder, or a bucket of an S3-compatible store, by one setting.

The key begins with the tenant: a file that two tenants have lies twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from obstore.exceptions import AlreadyExistsError, NotFoundError
from obstore.store import LocalStore, S3Store

from guanjia.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Config


class Missing(Exception):
    """A row is there, its bytes are not."""


class Store:
    """The bytes of attachments by tenant and hash. What is there never changes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def put(self, tenant_id: UUID, sha256: bytes, part: str, content: bytes) -> None:
        """The bytes are there; they may have been before. part: content or thumbnail."""
        try:
            await self._inner.put_async(_key(tenant_id, sha256, part), content, mode="create")
        except AlreadyExistsError:
            return

    async def get(self, tenant_id: UUID, sha256: bytes, part: str) -> bytes:
        try:
            found = await self._inner.get_async(_key(tenant_id, sha256, part))
        except (NotFoundError, FileNotFoundError):
            raise Missing(sha256.hex()) from None
        return bytes(await found.bytes_async())

    async def hashes(self, tenant_id: UUID) -> AsyncIterator[bytes]:
        """Every hash of which something lies there for the tenant."""
        seen: set[str] = set()
        async for page in self._inner.list(str(tenant_id)):
            for item in page:
                name = item["path"].rpartition("/")[2].partition(".")[0]
                if name not in seen:
                    seen.add(name)
                    yield bytes.fromhex(name)

    async def delete(self, tenant_id: UUID, sha256: bytes) -> None:
        """The bytes and their thumbnail are gone."""
        for part in ("content", "thumbnail"):
            try:
                await self._inner.delete_async(_key(tenant_id, sha256, part))
            except (NotFoundError, FileNotFoundError):
                continue


def _key(tenant_id: UUID, sha256: bytes, part: str) -> str:
    name = sha256.hex()
    return f"{tenant_id}/{name[:2]}/{name}.{part}"


def store_of(settings: Settings) -> Store:
    """The store of this process: GUANJIA_S3_BUCKET when it is set, a folder otherwise."""
    if settings.s3_bucket is None:
        return Store(LocalStore(settings.attachments_folder(), mkdir=True))
    # One at a time is what every compatible store understands.
    config: S3Config = {"region": settings.s3_region, "disable_bulk_delete": True}
    if settings.s3_endpoint is not None:
        config["endpoint"] = settings.s3_endpoint
    if settings.s3_access_key_id is not None:
        config["access_key_id"] = settings.s3_access_key_id
    if settings.s3_secret_access_key is not None:
        config["secret_access_key"] = settings.s3_secret_access_key
    plain = (settings.s3_endpoint or "").startswith("http://")
    return Store(S3Store(settings.s3_bucket, config=config, client_options={"allow_http": plain}))
