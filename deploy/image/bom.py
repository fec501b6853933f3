"""Prints the image's bill of materials: CycloneDX 1.6 in JSON, from what is installed where this runs.

    python bom.py --debian packages --version 0.1.0 --commit HASH --time 2026-11-22T08:00:00Z

Python distributions with their licences and what each requires, and the Debian packages below them. The same contents
give the same document: its serial number is made from them.
"""

import argparse
import json
import re
import uuid
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

APPLICATION = "acometida"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def reference(name: str, version: str) -> str:
    return f"pkg:pypi/{normal(name)}@{version}"


class Installed:
    """One distribution, its metadata read once."""

    def __init__(self, distribution: Distribution) -> None:
        self._told = distribution.metadata
        self.name = self._told["Name"]
        self.reference = reference(self.name, self._told["Version"])
        self.requires = {
            normal(re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0]) for text in distribution.requires or ()
        }

    def licences(self) -> list[dict[str, Any]]:
        """As the distribution states them: an SPDX expression, else the classifiers' names, else its own short words."""
        expression = self._told.get("License-Expression")
        if expression:
            return [{"expression": expression}]
        classifiers = self._told.get_all("Classifier") or ()
        names = [text.rsplit(" :: ", 1)[1] for text in classifiers if text.startswith("License ::")]
        words = (self._told.get("License") or "").strip()
        if not names and words and "\n" not in words and len(words) < 100:
            names = [words]
        return [{"license": {"name": name}} for name in names]

    def component(self) -> dict[str, Any]:
        found = self.licences()
        return {
            "type": "library",
            "bom-ref": self.reference,
            "name": self.name,
            "version": self._told["Version"],
            "purl": self.reference,
            **({"licenses": found} if found else {}),
        }


def dependencies(found: list[Installed]) -> list[dict[str, Any]]:
    """Which distribution requires which of the others that are installed."""
    here = {normal(one.name): one.reference for one in found}
    return [
        {"ref": one.reference, "dependsOn": sorted(here[name] for name in one.requires & here.keys())} for one in found
    ]


def debian_components(listing: str) -> list[dict[str, Any]]:
    """The packages of the system below, from lines of name, version and architecture with tabs between."""
    components = []
    for line in sorted(listing.splitlines()):
        name, version, architecture = line.split("\t")
        purl = f"pkg:deb/debian/{name}@{quote(version)}?arch={architecture}"
        components.append({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl})
    return components


def document(
    version: str, commit: str, time: str, found: list[Installed], debian: list[dict[str, Any]]
) -> dict[str, Any]:
    components = [one.component() for one in found if normal(one.name) != APPLICATION] + debian
    contents = json.dumps([commit, components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, contents)}",
        "version": 1,
        "metadata": {
            **({"timestamp": time} if time else {}),
            "component": {
                "type": "application",
                "bom-ref": reference(APPLICATION, version),
                "name": APPLICATION,
                "version": version,
                "properties": [{"name": "commit", "value": commit}],
            },
        },
        "components": components,
        "dependencies": dependencies(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("version", "commit", "time"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--debian", type=Path, required=True, help="list of the system's packages, of dpkg-query")
    told = parser.parse_args()
    found = sorted(map(Installed, distributions()), key=lambda one: one.reference)
    debian = debian_components(told.debian.read_text())
    print(json.dumps(document(told.version, told.commit, told.time, found, debian), indent=1))


if __name__ == "__main__":
    main()
