"""What goes into the image's build: a builder that writes down what it is given stands in for buildah, podman or docker."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import ROOT

BUILDER = """#!/bin/sh
# Takes the place of podman: keeps the arguments of a build and the names of its files, "saves" an archive.
case "$1 $2" in
"image inspect") echo 1; exit ;;
esac
case "$1" in
build)
  for last; do :; done
  printf '%s\\n' "$@" >"$RECORD/arguments"
  (cd "$last" && find . -type f) >"$RECORD/files"
  ;;
save)
  mkdir -p "$RECORD/0/opt/acometida" "$RECORD/1/opt/acometida"
  echo '{}' >"$RECORD/1/opt/acometida/bom.cdx.json"
  for layer in 0 1; do tar -C "$RECORD/$layer" -cf "$RECORD/$layer.tar" opt; done
  echo '[{"Layers": ["0.tar", "1.tar"]}]' >"$RECORD/manifest.json"
  while [ "$1" != --output ]; do shift; done
  tar -C "$RECORD" -cf "$2" 0.tar 1.tar manifest.json
  ;;
esac
"""


class Build:
    """One run of deploy/image/build."""

    def __init__(self, project: Path, folder: Path, **environment: str) -> None:
        programs = folder / "programs"
        programs.mkdir(parents=True)
        (programs / "podman").write_text(BUILDER)
        (programs / "podman").chmod(0o755)
        self.out = folder / "out"
        told = {"BUILDER": "podman", "BASE": "some-base", "RECORD": str(folder), **environment}
        self.done = subprocess.run(
            [project / "deploy" / "image" / "build", "--tag", "localhost/acometida:x", "--out", self.out],
            env={**os.environ, **told, "PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert self.done.returncode == 0, self.done.stderr
        self.arguments = (folder / "arguments").read_text().splitlines()
        self.files = {line.removeprefix("./") for line in (folder / "files").read_text().splitlines()}

    def told(self, name: str) -> str:
        """A build argument."""
        return next(one.split("=", 1)[1] for one in self.arguments if one.startswith(f"{name}="))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with the real deploy/image and things that do not belong into an image."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "deploy" / "image", folder / "deploy" / "image")
    for name in ("pyproject.toml", "requirements.lock", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    parts = ("protos/a.proto", "profiles/p/coop.toml", "services/a.py", "services/a.po", "tests/test_a.py", "docs/a.md")
    leftovers = ("services/__pycache__/a.pyc", "services/a.mo", "var/secret")
    for name in (*parts, *leftovers):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".gitignore").write_text("__pycache__/\n*.mo\nvar/\n")
    return folder


PARTS = {"services/a.py", "services/a.po", "protos/a.proto", "profiles/p/coop.toml", "README.md", "pyproject.toml"}
LEFT_OUT = ("tests/", "docs/", "var/", ".git", "services/__pycache__", "services/a.mo")


def test_a_checkout_gives_what_git_knows_and_names_its_commit(project: Path, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        told = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", *words]
        dated = {**os.environ, "GIT_COMMITTER_DATE": "2026-11-22T09:00:00+01:00"}
        return subprocess.run(told, cwd=project, env=dated, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "First")
    (project / "tests" / "test_a.py").write_text("changed, but no part of the image")
    clean = Build(project, tmp_path / "clean")
    assert clean.files >= PARTS
    assert not [name for name in clean.files if name.startswith(LEFT_OUT)]
    assert (clean.told("COMMIT"), clean.told("TIME")) == (git("rev-parse", "HEAD"), "2026-11-22T08:00:00Z")
    assert clean.told("BASE") == "some-base"
    assert json.loads((clean.out / "acometida-x.cdx.json").read_text()) == {}
    assert "MB over the base (at most 250)" in clean.done.stdout

    (project / "services" / "a.py").write_text("changed")
    assert Build(project, tmp_path / "changed").told("COMMIT") == f"{git('rev-parse', 'HEAD')}-modified"


def test_an_unpacked_archive_of_the_sources_builds_as_well(project: Path, tmp_path: Path) -> None:
    build = Build(project, tmp_path / "build", COMMIT="release-1")
    assert build.files >= PARTS
    assert not [name for name in build.files if name.startswith(LEFT_OUT)]
    assert (build.told("COMMIT"), build.told("TIME")) == ("release-1", "")
