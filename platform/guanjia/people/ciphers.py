"""Authenticated encryption and keyed indexes, in two suites. Pure functions over keys.

INTERNATIONAL is AES-256-GCM with HMAC-SHA-256, NATIONAL is SM4-GCM (GB/T 32907) with HMAC-SM3
(GB/T 32905). A sealed value names its suite in its first byte, so that both are readable whatever
the setting is now. It is bound to its place: moved to another tenant, table, column or row it does
not open.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SM4_KEY_BYTES = 16
_SEPARATOR = "\x1f"


class Suite(StrEnum):
    """国际算法 AES-256-GCM/HMAC-SHA-256,国密算法 SM4-GCM/HMAC-SM3"""

    INTERNATIONAL = "INTERNATIONAL"
    NATIONAL = "NATIONAL"


_MARKS = {Suite.INTERNATIONAL: 1, Suite.NATIONAL: 2}
_SUITES = {mark: suite for suite, mark in _MARKS.items()}


class Unreadable(Exception):
    """A sealed value was altered, moved, or sealed with another key. It says no more than that."""


@lru_cache(maxsize=1_000)
def _text(tenant_id: UUID) -> str:
    return str(tenant_id)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives; part of what is authenticated."""

    tenant_id: UUID
    table: str
    column: str
    row_id: UUID

    @property
    def bytes(self) -> bytes:
        parts = (_text(self.tenant_id), self.table, self.column, str(self.row_id))
        return _SEPARATOR.join(parts).encode()


@dataclass(frozen=True, slots=True)
class Key:
    """32 secret bytes from which each suite derives the key it uses."""

    secret: bytes = field(repr=False)

    @staticmethod
    def new() -> Key:
        return Key(os.urandom(KEY_BYTES))

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without saying anything of them."""
        return hashlib.sha256(b"guanjia key" + self.secret).hexdigest()[:16]

    def seal(self, suite: Suite, plain: bytes, place: Place) -> bytes:
        nonce, about = os.urandom(_NONCE_BYTES), place.bytes
        if suite is Suite.INTERNATIONAL:
            sealed = AESGCM(self._derived(suite)).encrypt(nonce, plain, about)
        else:
            sealed = _sm4_seal(self._derived(suite), nonce, plain, about)
        return bytes([_MARKS[suite]]) + nonce + sealed

    def open(self, sealed: bytes, place: Place) -> bytes:
        """The plain value; Unreadable otherwise."""
        suite = _SUITES.get(sealed[0]) if len(sealed) > _NONCE_BYTES + _TAG_BYTES else None
        if suite is None:
            raise Unreadable("不是加密值。")
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if suite is Suite.INTERNATIONAL:
                return AESGCM(self._derived(suite)).decrypt(nonce, rest, place.bytes)
            return _sm4_open(self._derived(suite), nonce, rest, place.bytes)
        except InvalidTag:
            raise Unreadable("加密值无法解开:密钥不符,或内容、位置被改动。") from None

    def index(self, suite: Suite, noun: str, value: str) -> bytes:
        """The blind index of a value in its one form: equal values of one noun, equal bytes."""
        digest = hashes.SHA256() if suite is Suite.INTERNATIONAL else hashes.SM3()
        mac = hmac.HMAC(self.secret, digest)
        mac.update(noun.encode() + _SEPARATOR.encode() + value.encode())
        return mac.finalize()

    def _derived(self, suite: Suite) -> bytes:
        if suite is Suite.INTERNATIONAL:
            return self.secret
        derive = HKDF(hashes.SHA256(), _SM4_KEY_BYTES, salt=None, info=suite.encode())
        return derive.derive(self.secret)


def _sm4_seal(key: bytes, nonce: bytes, plain: bytes, about: bytes) -> bytes:
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(about)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def _sm4_open(key: bytes, nonce: bytes, sealed: bytes, about: bytes) -> bytes:
    tag = sealed[-_TAG_BYTES:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(about)
    return decryptor.update(sealed[:-_TAG_BYTES]) + decryptor.finalize()
