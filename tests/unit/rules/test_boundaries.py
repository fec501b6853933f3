"""The rules of the house, checked on the source: who may import whom, who reads the environment, where floats may be."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ROOT / "services"
BUSINESS = ("identity", "supplies", "metering", "billing", "notifications")
#: What a pure module may import of the chassis.
PURE_CHASSIS = {"attempts", "emails", "errors", "money", "periods", "clock", "ids", "workdays"}
#: Pure rules that coopctl's offline tools use without any server.
OFFLINE = ("services.metering.domain.", "services.billing.domain.", "services.billing.jurisdictions.")
IMPURE = {"sqlalchemy", "alembic", "grpc", "coop", "flask", "kafka", "google"}


def sources(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.py")) if "versions" not in path.parts)


def imports(path: Path) -> set[str]:
    """Full names of the modules a file imports, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively: write the full name"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def owner(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "services" else ""


@pytest.mark.parametrize("service", [*BUSINESS, "gateway", "staff", "chassis"])
def test_a_service_imports_no_other(service: str) -> None:
    allowed = {service, "chassis"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(SERVICES / service)
        for module in imports(path)
        if owner(module) and owner(module) not in allowed and not (service == "staff" and module.startswith(OFFLINE))
    ]
    assert not wrong


@pytest.mark.parametrize("service", BUSINESS)
def test_the_domain_is_pure(service: str) -> None:
    wrong = []
    for path in sources(SERVICES / service / "domain"):
        for module in imports(path):
            parts = module.split(".")
            chassis = owner(module) == "chassis" and parts[2:3] and parts[2] not in PURE_CHASSIS
            outside = owner(module) == service and parts[2:3] not in (["domain"], ["jurisdictions"])
            if parts[0] in IMPURE or chassis or outside:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not even by way of others, nor for their types alone: what knows each other like that is one idea in two files."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sources(SERVICES)}
    modules = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph = {
        module: {_module(name, modules) for name in imports(path)} - {module, ""} for module, path in modules.items()
    }
    assert sum(map(len, graph.values())) > len(graph)
    tuple(TopologicalSorter(graph).static_order())  # CycleError names the modules


def _module(name: str, modules: Mapping[str, Path]) -> str:
    """The module that a name is of: itself, or the one that defines it; "" for what is not ours."""
    return name if name in modules else next((each for each in [name.rpartition(".")[0]] if each in modules), "")


def test_only_one_module_reads_the_environment() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in sources(SERVICES)
        if re.search(r"\bos\.(environ|getenv)\b|from os import .*(environ|getenv)", path.read_text(encoding="utf-8"))
        and path != SERVICES / "chassis" / "environment.py"
    ]
    assert not wrong


def _floats(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
        if literal or call:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"  # type: ignore[attr-defined]


def test_no_float_where_money_energy_and_prices_are_computed() -> None:
    folders = [
        SERVICES / "billing" / "domain",
        SERVICES / "billing" / "jurisdictions",
        SERVICES / "metering" / "domain",
    ]
    files = [SERVICES / "chassis" / "money.py", SERVICES / "chassis" / "columns.py"]
    wrong = [place for path in [*files, *(f for folder in folders for f in sources(folder))] for place in _floats(path)]
    assert not wrong


def _sleeps(text: str) -> bool:
    return "sleep" in text and any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "time"
        for node in ast.walk(ast.parse(text))
    )


def test_no_sleep_in_place_of_a_condition() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for folder in (SERVICES, ROOT / "tests")
        for path in sources(folder)
        if path != Path(__file__) and _sleeps(path.read_text(encoding="utf-8"))
    ]
    assert not wrong
    assert _sleeps("import time\ntime.sleep(1)")


@pytest.mark.parametrize("service", [*BUSINESS, "gateway", "staff", "local"])
def test_every_module_can_be_imported(service: str) -> None:
    for path in sources(SERVICES / service):
        if path.name in ("__main__.py", "env.py"):
            continue
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
