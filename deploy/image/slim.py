"""Takes out of the image's environment what never runs there, and compiles what does.

    /opt/acometida/bin/python slim.py

- Files that only building or checking against a library reads, and the libraries' own tests.
- The formats of languages in which nothing is written: of Babel's thousand locales those stay whose language has a
  catalogue here, in all countries.
- Bytecode for every module of Acometida and for what their import loads. A container cannot write its own; what a rare
  path imports later is compiled in memory then. Checked by nobody (PEP 552): the sources cannot change under it.
"""

import importlib
import pkgutil
import py_compile
import shutil
import sys
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
UNREAD = {".pyi", ".pyx", ".pxd", ".h", ".c", ".cpp", ".a", ".po"}
OWN = ("services", "coop")


def remove_unread() -> None:
    for path in sorted(SITE.rglob("*")):
        if path.is_dir() and path.name == "tests" and path.relative_to(SITE).parts[0] not in OWN:
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in UNREAD and path.relative_to(SITE).parts[0] not in OWN:
            path.unlink()


def remove_languages() -> None:
    """The root locale, from which all others inherit, and English, in which programs are written, always stay."""
    catalogues = [*SITE.glob("services/*/translations/*"), *SITE.glob("services/*/locale/*")]
    kept = {"root", "en", *(path.name.split("_")[0] for path in catalogues if path.is_dir())}
    for path in (SITE / "babel" / "locale-data").glob("*.dat"):
        if path.stem.split("_")[0] not in kept:
            path.unlink()


def compile_used() -> None:
    sys.dont_write_bytecode = True
    own = [path for name in OWN for path in (SITE / name).rglob("*.py")]
    for name in OWN:
        for module in pkgutil.walk_packages([str(SITE / name)], f"{name}."):
            if not module.name.endswith("__main__") and ".migrations." not in module.name:  # scripts that act
                importlib.import_module(module.name)
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    loaded = [Path(file) for file in files if file and file.endswith(".py") and Path(file).is_relative_to(SITE)]
    for path in {*own, *loaded}:
        py_compile.compile(
            str(path), doraise=True, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )


if __name__ == "__main__":
    remove_unread()
    remove_languages()
    compile_used()
