"""The chart, rendered by the real engine and held against the Kubernetes schemas."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from guanjia.settings import NEEDED_BY_WORKER, NEEDED_IN_PRODUCTION, Settings, variable

CHART = Path(__file__).parents[2] / "helm"
KUBERNETES = ("1.30", "1.37")
VALUES = ("defaults", "production", "minimal")
OWNER_ONLY = {"GUANJIA_OWNER_DATABASE_URL", "GUANJIA_ADMIN_DATABASE_URL"}


def values(name: str) -> dict[str, Any]:
    if name == "defaults":
        return {}
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text())
    return loaded


def render(chosen: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rendered objects by kind; the chart makes at most one of each, but for the jobs that
    run by the clock and the worker: those go by kind and component."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(chosen, name="guanjia", namespace="guanjia")
    found: dict[str, dict[str, Any]] = {}
    for text in files.values():
        for document in yaml.safe_load_all(text):
            if document:
                kind = document["kind"]
                if kind == "CronJob":
                    kind += " " + component(document["spec"]["jobTemplate"]["spec"]["template"])
                if kind == "Deployment" and component(document["spec"]["template"]) != "server":
                    kind += " " + component(document["spec"]["template"])
                assert kind not in found
                found[kind] = document
    return found


def component(template: dict[str, Any]) -> str:
    found: str = template["metadata"]["labels"]["app.kubernetes.io/component"]
    return found


def pods(objects: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    specs = {
        kind: objects[kind]["spec"]["template"]["spec"]
        for kind in ("Deployment", "Deployment worker", "Job")
        if kind in objects
    }
    for kind, document in objects.items():
        if kind.startswith("CronJob "):
            specs[kind] = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return specs


def environment(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in pod["containers"][0]["env"]}


@pytest.mark.parametrize("name", VALUES)
def test_lint_is_clean(name: str) -> None:
    report = helm_python.lint(str(CHART), values(name), strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", VALUES)
def test_every_object_is_valid(name: str, version: str) -> None:
    objects = render(values(name))
    assert {"Deployment", "Service", "ServiceAccount"} <= objects.keys()
    for document in objects.values():
        kubernetes_validate.validate(document, version, strict=True)


def test_production_renders_everything() -> None:
    assert render(values("production")).keys() == {
        "CronJob audit-verification", "Deployment", "Deployment worker", "HorizontalPodAutoscaler",
        "Ingress", "Job", "NetworkPolicy", "PodDisruptionBudget",
        "Service", "ServiceAccount",
    }  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {variable(field) for field in Settings.model_fields}
    for kind, pod in pods(render(values(name))).items():
        assert environment(pod).keys() <= known, kind


def test_the_server_gets_all_it_needs_and_nothing_of_the_owner() -> None:
    pod = pods(render(values("production")))["Deployment"]
    given = environment(pod)
    assert {variable(name) for name in NEEDED_IN_PRODUCTION} <= given.keys()
    assert not OWNER_ONLY & given.keys()
    assert "guanjia-owner" not in yaml.safe_dump(pod)
    assert "envFrom" not in pod["containers"][0]


def test_the_migration_runs_first_as_owner_and_knows_no_other_secret() -> None:
    job = render({})["Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    given = environment(pods({"Job": job})["Job"])
    secret = [entry["name"] for entry in given.values() if "valueFrom" in entry]
    assert secret == ["GUANJIA_OWNER_DATABASE_URL"]
    # A hook runs before the chart's own service account exists.
    assert "serviceAccountName" not in job["spec"]["template"]["spec"]


def test_the_audit_is_verified_as_auditor_who_knows_no_other_secret() -> None:
    given = environment(pods(render(values("production")))["CronJob audit-verification"])
    secret = [entry["name"] for entry in given.values() if "valueFrom" in entry]
    assert secret == ["GUANJIA_AUDITOR_DATABASE_URL"]


def test_the_network_policy_holds_for_every_pod() -> None:
    objects = render(values("production"))
    selector = objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items()
    audit = objects["CronJob audit-verification"]["spec"]["jobTemplate"]["spec"]["template"]
    others = [objects[k]["spec"]["template"] for k in ("Deployment", "Deployment worker", "Job")]
    for template in (*others, audit):
        assert selector <= template["metadata"]["labels"].items()
    ports = [
        [port["name"] for port in template["spec"]["containers"][0].get("ports", ())]
        for template in (*others, audit)
    ]
    assert ports == [["http"], ["health"], [], []]
    ingress = objects["NetworkPolicy"]["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in ingress] == ["http", "health"]
    assert all(rule.get("from") for rule in ingress)
    closed = render({})["NetworkPolicy"]["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in closed] == ["http"]
    egress = objects["NetworkPolicy"]["spec"]["egress"]
    assert [rule for rule in egress if not rule.get("to")] == []


SWITCHES = (
    "migration", "auditVerification", "worker", "disruptionBudget", "autoscaling",
    "networkPolicy",
)  # fmt: skip


@pytest.mark.parametrize(
    "on", list(itertools.product((False, True), repeat=len(SWITCHES))), ids=str
)
def test_every_combination_of_switches_is_valid(on: tuple[bool, ...]) -> None:
    chosen = {name: {"enabled": value} for name, value in zip(SWITCHES, on, strict=True)}
    for document in render(chosen).values():
        kubernetes_validate.validate(document, KUBERNETES[0], strict=True)


def test_the_worker_runs_as_the_application_and_signs_no_token() -> None:
    objects = render(values("production"))
    worker = objects["Deployment worker"]
    assert worker["spec"]["replicas"] == 2
    pod = pods(objects)["Deployment worker"]
    assert pod["containers"][0]["args"] == ["worker"]
    secret = {name for name, entry in environment(pod).items() if "valueFrom" in entry}
    assert secret == {
        "GUANJIA_DATABASE_URL", "GUANJIA_READ_DATABASE_URL", "GUANJIA_S3_ACCESS_KEY_ID",
        "GUANJIA_S3_SECRET_ACCESS_KEY", "GUANJIA_WEBHOOK_URL", "GUANJIA_WEBHOOK_KEY",
        "GUANJIA_SMS_URL", "GUANJIA_SMS_KEY", "GUANJIA_MASTER_KEY",
    }  # fmt: skip
    bare = environment(pods(render({}))["Deployment worker"])
    assert "GUANJIA_MASTER_KEY" not in bare, "only a worker that sends text messages unseals"
    own = environment(pods(render({"worker": {"tenantGateways": True}}))["Deployment worker"])
    assert own.keys() - bare.keys() == {"GUANJIA_MASTER_KEY"}, "or one that opens tenants' keys"
    needed = {variable(name) for name in NEEDED_BY_WORKER}
    assert needed <= secret
    server = objects["Deployment"]["spec"]["selector"]["matchLabels"]
    assert server != worker["spec"]["selector"]["matchLabels"]


@pytest.mark.parametrize("name", VALUES)
def test_secrets_come_by_reference_only(name: str) -> None:
    objects = render(values(name))
    assert "Secret" not in objects
    for pod in pods(objects).values():
        for variable_name, entry in environment(pod).items():
            if variable_name.endswith(("_URL", "_KEY")):
                assert entry.keys() == {"name", "valueFrom"}
                assert entry["valueFrom"].keys() == {"secretKeyRef"}


@pytest.mark.parametrize("name", VALUES)
def test_pods_are_restricted(name: str) -> None:
    for pod in pods(render(values(name))).values():
        assert pod["automountServiceAccountToken"] is False
        # Otherwise a service named guanjia would set GUANJIA_PORT to an address.
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("kind", ["Deployment", "Deployment worker"])
def test_probes_ask_what_they_are_for(kind: str) -> None:
    container = pods(render({}))[kind]["containers"][0]
    paths = {
        probe: container[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {
        "startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz",
    }  # fmt: skip


def test_the_service_finds_the_servers_and_not_the_jobs() -> None:
    objects = render(values("production"))
    selector = objects["Service"]["spec"]["selector"].items()
    assert selector <= objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    assert not selector <= objects["Job"]["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize(
    "bad",
    [
        {"replicas": "two"},
        {"replicas": 0},
        {"worker": {"replicas": 0}},
        {"replica": 3},
        {"image": {"tag": "latest"}},
        {"image": {"digest": "sha256:short"}},
        {"settings": {"GUANJIA_DATABASE_URL": "postgresql://in-the-clear"}},
        {"settings": {"GUANJIA_ENVIRONMENT": "development"}},
        {"secrets": {"owner": {"name": "Not A Name"}}},
        {"secrets": {"app": {"keys": {"password": "x"}}}},
        {"ingress": {"enabled": True}},
        {"service": {"type": "ExternalName"}},
        {"auditVerification": {"schedule": "every day"}},
        {"auditVerification": {"timeZone": "Asia/Shanghai; rm"}},
        {"auditVerification": {"deadline": 1}},
        {"migration": {"deadline": 5}},
        {"terminationGrace": 0},
        {"autoscaling": {"enabled": True, "minReplicas": 0}},
        {"secrets": {"app": {"keys": {"databaseUrl": "postgresql://x"}}}},
        {"networkPolicy": {"database": {"port": 70000}}},
    ],
    ids=str,
)
def test_bad_values_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        render(bad)
