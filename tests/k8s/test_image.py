"""The image of Acometida as the cluster runs it."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from services.gateway.language import PoDomain
from tests.k8s.lab import PROJECT, Lab
from tests.k8s.pods import USER, pod

WHERE = "test-image"


@pytest.fixture(scope="module")
def inside(lab: Lab) -> Iterator[Callable[..., str]]:
    """Runs a command in a container of the image, under the settings of every pod."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": WHERE, "labels": labels}})
    lab.apply(pod("image", ["sleep", "3600"]), WHERE)
    lab.wait(WHERE, "condition=Ready", "pod/image")
    yield lambda *command: lab.exec(WHERE, "image", *command)
    lab.kubectl("delete", "namespace", WHERE, "--wait=false")


def test_it_runs_as_nobody_special_and_writes_to_tmp_only(inside: Callable[..., str]) -> None:
    assert inside("id", "-u").strip() == inside("id", "-g").strip() == str(USER)
    for folder in ("/", "/opt/acometida", "/etc", "/var/tmp", "/usr/local/bin"):
        assert "Read-only" in inside("sh", "-c", f"touch {folder}/x 2>&1 || true")
    inside("sh", "-c", "echo x >/tmp/x && rm /tmp/x")
    writable = inside("sh", "-c", "find / -xdev -writable -type d 2>/dev/null || true").split()
    assert writable == ["/tmp"]


def test_every_command_of_a_service_is_there(inside: Callable[..., str]) -> None:
    for service in ("identity", "supplies", "metering", "billing", "notifications"):
        usage = inside("sh", "-c", f"python -m services.{service} nonsense 2>&1 || true")
        assert "Traceback" not in usage
        assert re.search(r"serve.*work.*migrate", usage), usage
    assert "Usage: coopctl" in inside("coopctl", "--help")


def test_everything_in_the_image_can_be_imported(inside: Callable[..., str]) -> None:
    """Every module of the services, but those that only a developer's machine runs: no dependency was left out."""
    listing = (
        "import pkgutil, importlib, services\n"
        "for one in pkgutil.walk_packages(services.__path__, 'services.'):\n"
        "    if not one.name.endswith('__main__') and '.migrations.' not in one.name:\n"
        "        importlib.import_module(one.name)\n"
        "        print(one.name)\n"
    )
    found = inside("python", "-c", listing).split()
    assert {"services.billing.app", "services.gateway.server", "services.staff.cli"} <= set(found)


def test_the_package_has_every_file_that_a_service_reads(inside: Callable[..., str]) -> None:
    """What git has under services/, code or not, is installed; catalogues as they were compiled."""
    tracked = subprocess.run(
        ["git", "ls-files", "services"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()
    expected = {re.sub(r"\.po$", ".mo", path) for path in tracked if not path.endswith((".pot", ".md", ".cfg"))}
    site = inside("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    installed = set(inside("sh", "-c", f"cd {site} && find services -type f").split())
    assert expected - installed == set()


def test_pages_speak_the_languages_of_the_source(inside: Callable[..., str]) -> None:
    """The gateway compiles its catalogues when it starts: they have to be there as they are written."""
    ask = "from services.gateway.language import PoDomain; print(*sorted(PoDomain().languages()))"
    assert inside("python", "-c", ask).split() == sorted(PoDomain().languages())


def test_its_version_names_the_commit_it_was_built_from(inside: Callable[..., str]) -> None:
    told = json.loads(inside("coopctl", "version", "--json"))
    assert told["version"] == re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.M)[1]
    commit = told["commit"].removesuffix("-modified")
    show = ["git", "show", "--no-patch", "--format=%ct", commit]
    known = subprocess.run(show, cwd=PROJECT, capture_output=True, text=True, check=False)
    if not (PROJECT / ".git").exists():
        assert commit == "unknown"
    else:
        assert known.returncode == 0, known.stderr
        assert datetime.fromisoformat(told["time"]).timestamp() == int(known.stdout)


def test_the_gateway_tells_it(inside: Callable[..., str]) -> None:
    ask = (
        "from services.gateway.app import create_app\n"
        "from services.chassis.environment import load\n"
        "from services.gateway.settings import Settings\n"
        "print(create_app(load(Settings)).test_client().get('/version').get_data(as_text=True))\n"
    )
    page = inside("sh", "-c", f'COOP_DATA_DIR=/tmp/data COOP_PROFILE_DIR=profiles/demo-es python -c "{ask}"')
    assert json.loads(page.strip().splitlines()[-1]) == json.loads(inside("coopctl", "version", "--json"))


def test_nothing_that_builds_is_left(inside: Callable[..., str]) -> None:
    for program in ("gcc", "cc", "g++", "make", "pip", "pip3", "go", "git", "protoc", "ruff", "pytest"):
        assert inside("sh", "-c", f"command -v {program} || true") == ""
    installed = {one.lower() for one in _distributions(inside)}
    assert not installed & {"pip", "pytest", "mypy", "ruff", "playwright", "hypothesis", "grpcio-tools", "setuptools"}
    assert inside("sh", "-c", "find / -xdev -name '*.whl' -o -xdev -path '*pip/http*' 2>/dev/null || true") == ""
    assert inside("sh", "-c", "ls -d /build /tools /wheel /opt/acometida/tests 2>/dev/null || true") == ""


def test_it_is_small(inside: Callable[..., str]) -> None:
    """What the image adds to its base: deploy/image/build refuses more as well, measured on the layers."""
    assert (
        int(inside("du", "--summarize", "--apparent-size", "--block-size=1000000", "/opt/acometida").split()[0]) <= 250
    )


def _distributions(inside: Callable[..., str]) -> dict[str, str]:
    listing = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    return dict(json.loads(inside("python", "-c", listing)))


def test_the_bill_of_materials_names_what_is_installed(inside: Callable[..., str]) -> None:
    bom = json.loads(inside("cat", "/opt/acometida/bom.cdx.json"))
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    named = {one["name"]: one["version"] for one in bom["components"] if one["purl"].startswith("pkg:pypi/")}
    installed = _distributions(inside)
    assert named | {"acometida": installed["acometida"]} == installed
    debian = {one["name"]: one["version"] for one in bom["components"] if one["purl"].startswith("pkg:deb/")}
    packages = inside("dpkg-query", "--show", "--showformat", "${Package}\t${Version}\n")
    assert debian == dict(line.split("\t") for line in packages.splitlines())
    known = {one["bom-ref"] for one in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    assert all(one["ref"] in known and set(one["dependsOn"]) <= known for one in bom["dependencies"])
    assert bom["metadata"]["component"]["version"] == installed["acometida"]


def test_code_is_compiled_already(inside: Callable[..., str]) -> None:
    """A container that cannot write would compile every module anew at each start."""
    trace = inside("sh", "-c", "python -v -c 'import services.billing.app' 2>&1")
    loaded = re.findall(r"^# code object from '(/opt/acometida/\S+)'$", trace, re.MULTILINE)
    assert len(loaded) > 500
    assert [path for path in loaded if not path.endswith(".pyc")] == []
