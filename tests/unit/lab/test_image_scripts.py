"""What builds the image and the laboratory, without building them."""

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.stack import ROOT

IMAGE = ROOT / "deploy" / "image"
LAB = ROOT / "deploy" / "lab"
BOM = b'{"bomFormat": "CycloneDX"}'


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, IMAGE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(IMAGE / f"{name}.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_only_what_was_found_is_taken_from_the_lock_with_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text(
        "# locked\nflask==3.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\npytest==9.0 \\\n    --hash=sha256:cc\n"
    )
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"install": [{"metadata": {"name": "Flask"}}]}))
    done = run("requirements", "locked", str(report), folder=tmp_path)
    assert done.stdout == "flask==3.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    report.write_text(json.dumps({"install": [{"metadata": {"name": "left-pad"}}]}))
    done = run("requirements", "locked", str(report), folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "Not in requirements.lock: left-pad. Run 'make lock'.\n")


def test_the_lock_has_every_direct_requirement_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    requirements = script("requirements")
    locked = requirements.lock()
    for half in ("runtime", "tools"):
        for requirement in requirements.direct(half):
            name = re.match(r"[\w.-]+", requirement)
            assert name and requirements.normal(name[0]) in locked


def test_the_bill_of_materials_of_the_same_contents_is_the_same() -> None:
    bom = script("bom")
    found = [bom.Installed(distribution(name)) for name in ("flask", "werkzeug", "Jinja2")]
    debian = bom.debian_components("libc6\t2.36-9+deb12u14\tamd64\n")
    first, second = (bom.document("1.2.3", "c0ffee", "2026-11-22T08:00:00Z", found, debian) for _ in range(2))
    assert first == second
    assert debian[0]["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64"
    assert first["components"][0]["licenses"] == [{"expression": "BSD-3-Clause"}]
    needed = {one["ref"].split("@")[0]: one["dependsOn"] for one in first["dependencies"]}
    assert [one.split("@")[0] for one in needed["pkg:pypi/flask"]] == ["pkg:pypi/jinja2", "pkg:pypi/werkzeug"]
    assert bom.document("1.2.3", "another", "", found, debian)["serialNumber"] != first["serialNumber"]


def archive(folder: Path, *layers: dict[str, bytes]) -> Path:
    """An image archive with these files in its layers."""

    def add(target: tarfile.TarFile, name: str, content: bytes) -> None:
        told = tarfile.TarInfo(name)
        told.size = len(content)
        target.addfile(told, io.BytesIO(content))

    path = folder / "image.tar"
    with tarfile.open(path, "w") as image:
        names = [f"{number}.tar" for number in range(len(layers))]
        for name, files in zip(names, layers, strict=True):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as layer:
                for inside, content in files.items():
                    add(layer, inside, content)
            add(image, name, buffer.getvalue())
        add(image, "manifest.json", json.dumps([{"Layers": names}]).encode())
    return path


@pytest.mark.parametrize(("size", "code"), [(900_000, 0), (3_000_000, 1)])
def test_only_what_lies_over_the_base_counts(tmp_path: Path, size: int, code: int) -> None:
    image = archive(tmp_path, {"usr/base": bytes(5_000_000)}, {"opt/x": bytes(size), "opt/acometida/bom.cdx.json": BOM})
    out = tmp_path / "bom.json"
    done = run("measure", str(image), "--base-layers", "1", "--limit", "2", "--bom", str(out))
    assert done.returncode == code, done.stderr
    assert out.read_bytes() == BOM
    assert ("over its base: at most 2 MB are allowed" in done.stderr) == bool(code)


def test_an_image_without_its_bill_of_materials_is_refused(tmp_path: Path) -> None:
    image = archive(tmp_path, {"opt/x": b"x"})
    done = run("measure", str(image), "--base-layers", "0", "--limit", "2", "--bom", str(tmp_path / "bom.json"))
    assert done.returncode == 1
    assert "no bill of materials" in done.stderr


def test_the_check_says_in_a_sentence_what_is_wrong_and_changes_nothing() -> None:
    folder = "/var/lib/acometida-lab-check"
    done = subprocess.run(
        [LAB / "check"], env={**os.environ, "LAB_DIR": folder}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"LAB_DIR is {folder}, in a folder that the lab replaces with its own" in done.stderr
    assert not Path(folder).exists()


def test_no_file_names_a_registry() -> None:
    hosts = re.compile(
        r"\b(docker\.io|quay\.io|ghcr\.io|gcr\.io|registry\.k8s\.io|pypi\.org|deb\.debian\.org|proxy\.golang\.org)\b"
    )
    files = [path for folder in (IMAGE, LAB) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert [path for path in files if hosts.search(path.read_text())] == []


def test_every_script_can_be_read_by_its_shell() -> None:
    for path in (path for folder in (IMAGE, LAB) for path in folder.rglob("*") if path.is_file()):
        first = path.open().readline() if path.suffix != ".pyc" else ""
        if path.suffix == ".sh" or (first.startswith("#!") and "sh" in first):
            shell = "sh" if first == "#!/bin/sh\n" else "bash"
            done = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
