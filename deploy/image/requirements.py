"""Picks out of requirements.lock what one half of the image needs: exact versions with hashes, and nothing else of it.

python3 requirements.py direct runtime   # what pyproject.toml names as dependencies
python3 requirements.py direct tools     # what generates code, compiles catalogues and makes the package
python3 requirements.py versions         # every version of the lock, as constraints under which pip finds the rest
python3 requirements.py locked REPORT    # the lock's lines, hashes and all, of everything in pip's report
"""

import json
import re
import sys
import tomllib
from pathlib import Path

TOOLS = ("grpcio-tools", "babel", "setuptools", "wheel")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock() -> dict[str, str]:
    """The lock's lines of each distribution by its name."""
    text = Path("requirements.lock").read_text()
    return {normal(found[1]): found[0] for found in re.finditer(r"^([\w.-]+)==(?:.*\\\n)*.*", text, re.MULTILINE)}


def direct(half: str) -> list[str]:
    """The requirements that somebody named."""
    return (
        list(TOOLS) if half == "tools" else tomllib.loads(Path("pyproject.toml").read_text())["project"]["dependencies"]
    )


def versions() -> list[str]:
    """Without the hashes: with them pip would want them of what it is still to find out."""
    return [lines.split()[0] for lines in lock().values()]


def locked(report: str) -> list[str]:
    """Exits with a sentence for a distribution that the lock lacks."""
    names = {normal(one["metadata"]["name"]) for one in json.loads(Path(report).read_text())["install"]}
    absent = sorted(names - lock().keys())
    if absent:
        sys.exit(f"Not in requirements.lock: {', '.join(absent)}. Run 'make lock'.")
    return [lines for name, lines in lock().items() if name in names]


if __name__ == "__main__":
    print("\n".join({"direct": direct, "versions": versions, "locked": locked}[sys.argv[1]](*sys.argv[2:])))
