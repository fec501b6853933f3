"""The overlays build, are valid for Kubernetes 1.34, and every pod is as an operator may expect."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils as schemas

from services.gateway.web.self_reading import FORM_BYTES, MAX_PHOTO_MB, MEGABYTE
from tests.deploy.cluster import OVERLAYS, Workload, environment, matches, named, objects, of_kind, workloads
from tests.deploy.tools import DEPLOY

KUBERNETES = "1.34"
SERVICES = ("identity", "supplies", "metering", "billing", "notifications")

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.fixture(scope="module", autouse=True)
def _schemas_read_once() -> Iterator[None]:
    """The library reads five megabytes of schemas anew for every object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "schema_contents", cache(schemas.schema_contents))
        yield


def test_every_object_is_valid_for_kubernetes() -> None:
    seen: list[dict[str, Any]] = []
    for overlay in OVERLAYS:
        for found in objects(overlay):
            if found in seen:
                continue
            seen.append(found)
            kubernetes_validate.validate(found, KUBERNETES, strict=True)
    assert len(seen) > 100


def test_a_wrong_object_is_not_valid() -> None:
    """The check itself finds a field that does not exist."""
    wrong = {**named("dev", "Service", "gateway"), "spce": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


@overlays
def test_pods_are_what_the_namespace_asks_for(overlay: str) -> None:
    """Pod Security `restricted`, and on top a root file system that nobody writes to and no token of the cluster."""
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload in workloads(overlay):
        pod = workload.pod
        assert pod["automountServiceAccountToken"] is False, workload
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] == 10001, workload
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, workload
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), workload
        assert not any("hostPath" in volume for volume in pod["volumes"]), workload
        for container in workload.containers:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True, workload
            assert own["capabilities"] == {"drop": ["ALL"]}, workload
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]], workload
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, workload
            assert "memory" in container["resources"]["limits"], workload
        mounted = {mount["name"] for container in workload.containers for mount in container["volumeMounts"]}
        claims = [claim["metadata"]["name"] for claim in workload.source["spec"].get("volumeClaimTemplates", [])]
        assert mounted == {*claims, *(volume["name"] for volume in pod["volumes"])}, workload


@overlays
def test_images_are_named_exactly(overlay: str) -> None:
    """A tag that is no moving target, and the same as the version that everything is labelled with."""
    for workload in workloads(overlay):
        for container in workload.containers:
            name, _, tag = container["image"].rpartition(":")
            assert name and "/" in name and tag and tag != "latest", workload
            assert container["imagePullPolicy"] == "IfNotPresent", workload
            if name.endswith("/acometida"):
                assert tag == workload.labels["app.kubernetes.io/version"], workload
        if workload.kind == "Job":
            assert workload.name.endswith("-" + workload.labels["app.kubernetes.io/version"]), workload


@overlays
def test_what_runs_for_good_is_probed(overlay: str) -> None:
    for workload in workloads(overlay):
        if workload.kind in ("Deployment", "StatefulSet"):
            for container in workload.containers:
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), workload
        if workload.component in ("serve", "work"):
            (container,) = workload.containers
            assert container["readinessProbe"]["grpc"] == {"port": 9001, "service": "readiness"}, workload
            assert container["livenessProbe"]["grpc"]["port"] == 9001, workload
            assert environment(overlay, workload)["COOP_HEALTH_ADDRESS"] == "0.0.0.0:9001", workload


@overlays
def test_a_pod_has_time_to_finish(overlay: str) -> None:
    for workload in workloads(overlay):
        if workload.component not in ("serve", "work", "gateway"):
            continue
        hook = workload.containers[0].get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
        drain = float(environment(overlay, workload)["COOP_DRAIN_SECONDS"])
        assert workload.pod["terminationGracePeriodSeconds"] > hook["sleep"]["seconds"] + drain + 5, workload
        assert workload.source["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, workload
        if workload.component != "work":
            assert hook["sleep"]["seconds"] >= 3, f"{workload} is gone before its callers know"


@overlays
def test_every_service_has_its_parts(overlay: str) -> None:
    parts = {(found.service, found.component): found for found in workloads(overlay)}
    for service in SERVICES:
        for role in ("serve", "work", "migrate"):
            workload = parts[service, role]
            (container,) = workload.containers
            assert container["command"] + container["args"] == ["python", "-m", f"services.{service}", role]
            assert workload.pod["serviceAccountName"] == service
    for account in of_kind(overlay, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@overlays
def test_services_lead_to_ports_of_pods(overlay: str) -> None:
    addresses = set()
    for service in of_kind(overlay, "Service"):
        picked = [
            found for found in workloads(overlay) if matches({"matchLabels": service["spec"]["selector"]}, found.labels)
        ]
        (workload,) = picked
        ports = {port["name"]: port["containerPort"] for port in workload.containers[0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
            addresses.add(f"{service['metadata']['name']}:{port['port']}")
    said = environment(overlay, next(found for found in workloads(overlay) if found.component == "gateway"))
    for service in SERVICES:
        assert said[f"COOP_{service.upper()}_ADDRESS"] in addresses


@overlays
def test_what_answers_is_kept_by_a_budget(overlay: str) -> None:
    budgets = of_kind(overlay, "PodDisruptionBudget")
    for workload in workloads(overlay):
        if workload.component in ("serve", "gateway"):
            (own,) = [found for found in budgets if matches(found["spec"]["selector"], workload.labels)]
            assert own["spec"]["minAvailable"] == 1
        elif workload.kind != "Deployment":
            assert not any(matches(found["spec"]["selector"], workload.labels) for found in budgets), workload


def test_readers_do_not_outnumber_partitions() -> None:
    by_name = {found.name: found for found in workloads("prod") if found.kind == "Deployment"}
    scaled = set()
    for scaler in of_kind("prod", "HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        workload = by_name[spec["scaleTargetRef"]["name"]]
        scaled.add(workload.name)
        assert "replicas" not in workload.source["spec"], f"{workload}: two say how many there are"
        if workload.component == "work":
            assert spec["maxReplicas"] <= int(environment("prod", workload)["COOP_EVENT_PARTITIONS"])
        else:
            assert spec["minReplicas"] >= 2, f"{workload} is away while its node is"
    assert scaled == {name for name, found in by_name.items() if found.component in ("serve", "work", "gateway")}


@overlays
def test_only_the_owner_of_the_tables_migrates(overlay: str) -> None:
    def secrets_of(workload: Workload) -> set[str]:
        return {volume["secret"]["secretName"] for volume in workload.pod["volumes"] if "secret" in volume}

    for workload in workloads(overlay):
        if workload.component == "backup":
            continue  # it takes the one file of the server's authority from there
        owners = {name for name in secrets_of(workload) if name.endswith("-database-owner")}
        assert owners == ({f"{workload.service}-database-owner"} if workload.component == "migrate" else set()), (
            workload
        )
        foreign = {name for name in secrets_of(workload) if name.endswith(("-database", "-tls"))}
        assert all(name.startswith(workload.service) for name in foreign), workload


def test_tasks_run_one_at_a_time_and_not_for_ever() -> None:
    tasks = of_kind("prod", "CronJob")
    assert len(tasks) >= 4
    for task in tasks:
        spec = task["spec"]
        assert spec["concurrencyPolicy"] == "Forbid" and spec["suspend"] is True and spec["timeZone"]
        assert spec["startingDeadlineSeconds"] and spec["jobTemplate"]["spec"]["activeDeadlineSeconds"]
        assert spec["successfulJobsHistoryLimit"] and spec["failedJobsHistoryLimit"]


def test_the_gateway_api_takes_the_place_of_the_ingress() -> None:
    """Their schemas are not Kubernetes' own, so what matters is looked at one by one."""
    built = objects("prod", instead=("components/ingress", "components/gateway-api"))
    assert not [found for found in built if found["kind"] == "Ingress"]
    (route,) = [found["spec"] for found in built if found["kind"] == "HTTPRoute"]
    (rule,) = route["rules"]
    gateway = named("prod", "Service", "gateway")
    assert rule["backendRefs"] == [{"name": "gateway", "port": gateway["spec"]["ports"][0]["port"]}]
    (door,) = [found["spec"] for found in built if found["metadata"]["name"] == "public-to-gateway"]
    (source,) = door["ingress"][0]["from"]
    owner = route["parentRefs"][0]["namespace"]
    assert source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == owner


def test_the_ingress_leads_to_the_gateway_alone() -> None:
    (ingress,) = of_kind("prod", "Ingress")
    backends = [path["backend"]["service"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert backends == [{"name": "gateway", "port": {"name": "http"}}]
    assert environment("prod", Workload(named("prod", "Deployment", "gateway")))["COOP_PUBLIC_URL"] == (
        "https://" + ingress["spec"]["rules"][0]["host"]
    )


def test_the_ingress_lets_pass_what_the_gateway_reads() -> None:
    """A photo, up to twice its limit, so that the form itself can say that it is too large."""
    (ingress,) = of_kind("prod", "Ingress")
    most = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert most.endswith("m") and int(most[:-1]) * 1024 * 1024 > 2 * MAX_PHOTO_MB * MEGABYTE + FORM_BYTES


def test_rules_and_dashboard_go_with_it() -> None:
    rules = named("prod", "ConfigMap", "acometida-rules")["data"]
    assert set(rules) == {file.name for file in (DEPLOY / "monitoring/rules").glob("*.yaml")}
    assert "dashboard.json" in named("prod", "ConfigMap", "acometida-dashboard")["data"]


def test_the_operator_of_prometheus_finds_the_same_pods() -> None:
    monitor = yaml.safe_load((DEPLOY / "k8s/components/monitoring/pod-monitor.yaml").read_text())["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert monitor["jobLabel"] == "app.kubernetes.io/part-of", "the rules ask for job=acometida"
    for workload in workloads("prod"):
        annotated = workload.template["metadata"].get("annotations", {}).get("prometheus.io/scrape") == "true"
        assert matches(monitor["selector"], workload.labels) == annotated, workload
        if annotated:
            ports = {port["name"]: port["containerPort"] for port in workload.containers[0]["ports"]}
            assert ports[endpoint["port"]] == 9090, workload
