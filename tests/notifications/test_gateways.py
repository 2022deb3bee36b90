"""A tenant's own gateway: set by its administrator, sealed, over TLS, and never inside."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.routing import Route
from tests.api.test_subscriptions import until
from tests.notifications.test_delivering import (
    KEY,
    NOON,
    District,
    Receiver,
    district,
    greeting,
    receiver,
    resident,
)

from guanjia.jobs.queue import Outcome
from guanjia.notifications import gateways
from guanjia.notifications.gateways import DeliveryFailed, Gateway, signature
from guanjia.people import rotation
from guanjia.people.vault import vault_of

__all__ = ["district", "greeting", "receiver"]
OWN_KEY = "own-key-" * 5
GATEWAYS = "noticeGateways { channel own url body accepted version }"
SMS = {
    "channel": "SMS", "url": "https://sms.example.cn/send", "key": OWN_KEY,
    "body": '{"to": "{phone}", "content": "{text}"}', "accepted": '"code":"0"',
}  # fmt: skip
SENT = "notification { id kind deliveries { channel state problem } }"


@asynccontextmanager
async def secured(folder: Path, address: str) -> AsyncIterator[Receiver]:
    """A receiver with a certificate for the address, which `folder`/ca.pem vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    receiver = Receiver()
    app = Starlette(routes=[Route("/take", receiver.take, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, lifespan="off", log_level="critical", access_log=False,
            ssl_certfile=folder / "ca.pem", ssl_keyfile=folder / "key.pem",
        )
    )  # fmt: skip
    running = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    receiver.url = f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/take"
    yield receiver
    server.should_exit = True
    await running


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """From when it is called the process trusts the certificate in the folder."""

    def trust() -> Path:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        gateways._transport.cache_clear()
        return tmp_path

    yield trust
    gateways._transport.cache_clear()


async def test_a_tenant_sends_through_its_own_gateway(
    district: District, receiver: Receiver, trusting: Any, admin: Any
) -> None:
    town = district.town
    system, member = await town.person("SYS"), await resident(town)
    made = (await system.done("setNoticeGateway", GATEWAYS, version=0, **SMS))["noticeGateways"]
    assert made == [
        {"channel": "WEBHOOK", "own": False, "url": None, "body": None, "accepted": None,
         "version": 0},
        {"channel": "SMS", "own": True, "url": SMS["url"], "body": SMS["body"],
         "accepted": SMS["accepted"], "version": 1},
    ]  # fmt: skip
    assert (await system.data(f"{{ {GATEWAYS} }}"))["noticeGateways"] == made
    # The key is sealed and in no record; whoever rotates the tenant's keys does not lose it.
    for table in ("notice_gateways", "audit_records"):
        assert OWN_KEY not in str(
            await admin.fetch(f"select t::text from {table} t where tenant_id = $1", town.tenant.id)
        )
    vault = vault_of(town.api.world.settings)
    await rotation.rotate(town.api.world.database, vault, town.tenant.id)

    async with secured(trusting(), "127.0.0.1") as own:
        await admin.execute("update notice_gateways set url = $1", own.url)
        await district.tell(member)
        # Nobody has opened the inside to tenants, though the operator's own gateway is there.
        assert await district.work() == {Outcome.DONE: 2, Outcome.FAILED: 1}
        assert own.got == []
        found = await member.data("{ notifications { nodes { deliveries { channel problem } } } }")
        [note] = found["notifications"]["nodes"]
        problems = {each["channel"]: each["problem"] for each in note["deliveries"]}
        assert problems == {
            "FILE": None, "WEBHOOK": None, "SMS": "消息通道的地址在内部网络中,未被允许。",
        }  # fmt: skip
        district.settings = district.settings.model_copy(
            update={"tenant_gateway_networks": "127.0.0.0/8"}
        )
        later = NOON + dt.timedelta(minutes=5)
        assert await district.work(later) == {Outcome.DONE: 1}
        [(headers, body)] = own.got
        assert json.loads(body)["content"] == "社区有一件事。"
        at = int(headers["x-guanjia-timestamp"])
        assert headers["x-guanjia-signature"] == f"sha256={signature(OWN_KEY, at, body)}"
        assert len(receiver.got) == 1, "the operator's webhook, and no text message"

        # Back to the operator's gateway; another version in between is a conflict.
        reset = {"channel": "SMS", "url": None}
        assert await system.refused("setNoticeGateway", reset, version=0) == "CONFLICT"
        made = await system.done("setNoticeGateway", GATEWAYS, version=1, **reset)
        assert not made["noticeGateways"][1]["own"]
        await district.tell(member, key="again", now=later)
        assert await district.work(later) == {Outcome.DONE: 3}
        assert len(own.got) == 1
        signed = [headers["x-guanjia-signature"] for headers, _ in receiver.got]
        assert len(signed) == 3
    auditor = await town.person("AUD")
    found = await auditor.data("{ auditRecords(first: 50) { nodes { action detail } } }")
    told = [
        json.loads(each["detail"]) if isinstance(each["detail"], str) else each["detail"]
        for each in found["auditRecords"]["nodes"]
        if each["action"] == "notice.set_gateway"
    ]
    assert told == [
        {"channel": "SMS", "host": None, "new_key": False},
        {"channel": "SMS", "host": "sms.example.cn", "new_key": True},
    ]


async def test_a_gateway_proves_its_name(trusting: Any, receiver: Receiver) -> None:
    loopback = gateways.networks("127.0.0.0/8")
    async with secured(trusting(), "127.0.0.2") as other:
        with pytest.raises(DeliveryFailed, match="证书不符"):
            await Gateway(other.url, KEY, loopback).post(b"{}", "key", 0)
        assert other.got == []
    with pytest.raises(DeliveryFailed, match="域名无法解析"):
        await Gateway("https://nowhere.invalid/", KEY).post(b"{}", "key", 0)
    # Two gateways of one process share nothing: no cookie goes from one to the other.
    plain = Gateway(receiver.url, KEY, plain_loopback=True)
    receiver.cookie = "session=1"
    for key in ("1", "2"):
        await plain.post(b"{}", key, 0)
    assert [headers.get("cookie") for headers, _ in receiver.got] == [None, None]


async def test_a_gateway_that_cannot_be_used_is_refused(town: Any) -> None:
    system, clerk = await town.person("SYS"), await town.person("COMM", "north1")
    for wrong in (
        {"url": "http://sms.example.cn/"}, {"url": "https://"}, {"url": "https://a:b@sms.example/"},
        {"url": "https://sms.example/?token=1"}, {"url": "https://sms.example/#x"},
        {"url": "https://127.0.0.1/"}, {"url": "https://169.254.169.254/latest"},
        {"url": "https://[::1]/"}, {"url": "https://10.0.0.1:8443/"}, {"url": "https://[::1"},
        {"url": "https://sms.example:99999/"}, {"url": "https://短信.example/"},
        {"url": "https://sms.example/" + "a" * 300}, {"key": None}, {"key": "short"},
        {"key": "密" * 40}, {"body": None}, {"body": "[1]"}, {"body": '{"to": "{phone}"}'},
        {"body": "{" + '"a":' * 3000}, {"accepted": None}, {"accepted": ""}, {"channel": "FILE"},
        {"channel": "WEBHOOK"},
    ):  # fmt: skip
        given = {**SMS, "version": 0, **wrong}
        assert await system.refused("setNoticeGateway", given) == "BAD_USER_INPUT", wrong
    assert (await clerk.payload("setNoticeGateway", {**SMS, "version": 0}))["errors"][0][
        "extensions"
    ]["code"] == "FORBIDDEN"
    assert await clerk.code("{ noticeGateways { channel } }") == "FORBIDDEN"
    # A changed address keeps the key that was given once.
    webhook = {"channel": "WEBHOOK", "url": "https://hook.example/a"}
    await system.done("setNoticeGateway", version=0, key=OWN_KEY, **webhook)
    made = await system.done("setNoticeGateway", GATEWAYS, version=1, **webhook)
    assert made["noticeGateways"][0]["version"] == 2


async def test_an_administrator_tries_a_channel(district: District, receiver: Receiver) -> None:
    town = district.town
    system = await town.person("SYS")
    await system.done("setNoticePreference", kind="test.greeting", channels=[])
    given = {"channel": "WEBHOOK", "idempotencyKey": "k"}
    sent = (await system.done("sendTestNotice", SENT, **given))["notification"]
    assert sent["deliveries"] == [{"channel": "WEBHOOK", "state": "QUEUED", "problem": None}]
    assert (await system.done("sendTestNotice", SENT, **given))["notification"] == sent
    receiver.status = 503
    now = dt.datetime.now(dt.UTC)
    assert await district.work(now) == {Outcome.FAILED: 1}
    tried = "query ($id: ID!) { notification(id: $id) { deliveries { state problem } } }"
    shown = (await system.data(tried, {"id": sent["id"]}))["notification"]["deliveries"]
    assert shown == [{"state": "QUEUED", "problem": "消息通道返回 503。"}]
    receiver.status = 200
    assert await district.work(now + dt.timedelta(minutes=1)) == {Outcome.DONE: 1}
    shown = (await system.data(tried, {"id": sent["id"]}))["notification"]["deliveries"]
    assert shown == [{"state": "SENT", "problem": None}]
    lost = await system.done("sendTestNotice", SENT, channel="SMS")
    assert await district.work(now + dt.timedelta(minutes=2)) == {Outcome.DONE: 1}
    shown = (await system.data(tried, {"id": lost["notification"]["id"]}))["notification"]
    assert shown["deliveries"] == [{"state": "DROPPED", "problem": "本人没有登记手机号码。"}]


def test_a_worker_of_its_own_can_open_what_is_sealed() -> None:
    """It has no API: what the modules say at their import has to reach it another way."""
    asked = (
        "import guanjia.worker.commands; from guanjia.db import seals;"
        " from guanjia.jobs.kinds import load_kinds; load_kinds(); print(len(seals._PROVIDERS))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert said.stdout == b"1\n"
