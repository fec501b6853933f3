"""`python -m services.chassis.migration_lint`: refuses revisions that would hold up or break a release that is still serving.

It reads what a revision says of PostgreSQL (what is said for SQLite alone is passed over) and names each danger with a way
around it. A revision may give its reason instead (``dangerous = "why"``); tables that it makes itself are nobody's yet.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from services.chassis.migration_statements import statement_findings
from services.chassis.schema_history import History
from services.chassis.schema_landed import LANDED

SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
#: A reason is a sentence.
_LEAST_REASON = 20
_STEPS = {"create_index", "in_batches"}


@dataclass(frozen=True)
class Finding:
    service: str
    revision: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.service} {self.revision}, line {self.line}: {self.sentence}"


def lint(histories: Iterable[History]) -> list[Finding]:
    """What is wrong with the revisions of these services."""
    return [finding for history in histories for finding in _of_a_service(history)]


def _of_a_service(history: History) -> Iterator[Finding]:
    for landed in sorted(LANDED.get(history.service, {}).keys() - history.positions.keys()):
        yield Finding(history.service, landed, 0, "a reason is kept for a revision that is not there: remove it.")
    for number, revision in enumerate(history.revisions):
        name, reason = revision.revision, history.reason(revision)
        # The first revision finds an empty database.
        dangers = [] if number == 0 else list(dangers_of(Path(revision.path).read_text(encoding="utf-8")))
        said = bool(history.supports(revision))
        if not reason:
            for line, sentence, breaks in dangers:
                if not (breaks and said):
                    yield Finding(history.service, name, line, sentence)
        elif not dangers:
            yield Finding(history.service, name, 0, "gives a reason, and there is nothing dangerous: take it away.")
        elif len(reason) < _LEAST_REASON:
            yield Finding(history.service, name, 0, f"gives {reason!r} as its reason: write a sentence.")
    try:
        _ = history.oldest
    except ValueError as wrong:
        yield Finding(history.service, history.head, 0, str(wrong))


Danger = tuple[int, str, bool]
"""Line, sentence, and whether saying ``supports`` is answer enough: only older code is concerned, nobody is held up."""


def dangers_of(source: str) -> Iterator[Danger]:
    """The dangers in the text of a revision, in the order of its lines."""
    tree = ast.parse(source)
    calls = list(_reached(tree))
    reader = _Reader(tree, calls)
    return iter(sorted({danger for call, batch in calls for danger in reader.dangers(call, batch)}))


def _reached(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """The calls of `upgrade` and of the module's functions that it calls."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    waiting, seen = ["upgrade"], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for call, batch in _calls(functions[name].body):
            waiting.append(_name(call))
            yield call, batch


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """The module's constants."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _calls(body: list[ast.stmt], batch: str = "") -> Iterator[tuple[ast.Call, str]]:
    """Every call that PostgreSQL gets to see, with the table of the ``batch_alter_table`` around it."""
    for statement in body:
        if isinstance(statement, ast.If) and (side := _about_sqlite(statement.test)):
            yield from _calls(statement.orelse if side == "is" else statement.body, batch)
            continue
        inner = batch
        if isinstance(statement, ast.With):
            for item in statement.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and _name(call) == "batch_alter_table":
                    inner = _text(call.args[0])
        blocks = [getattr(statement, part, []) for part in ("body", "orelse", "finalbody")]
        if any(blocks):
            heads = [part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.expr)]
            for head in heads:
                yield from ((node, batch) for node in ast.walk(head) if isinstance(node, ast.Call))
            for block in blocks:
                yield from _calls(block, inner)
            continue
        yield from ((node, inner) for node in ast.walk(statement) if isinstance(node, ast.Call))


def _about_sqlite(test: ast.expr) -> str:
    """ "is" when the condition asks for SQLite, "not" when it asks for the other, empty when for something else."""
    said = ast.unparse(test)
    if "sqlite" not in said.lower():
        return ""
    return "not" if said.startswith("not ") or "!=" in said else "is"


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _text(node: ast.AST | None) -> str:
    """A literal text, an f-string with what is put into it as written, or nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    if isinstance(node, ast.Call) and node.args:  # op.f("..."), sa.text("...")
        return _text(node.args[0])
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return ""


class _Reader:
    """Reads the calls of one revision."""

    def __init__(self, tree: ast.Module, calls: list[tuple[ast.Call, str]]) -> None:
        constants = self._constants = _assigned(tree)
        self._new = {self._said(call.args[0]) for call, _ in calls if _name(call) == "create_table" and call.args}
        # A loop over tables that are all new speaks of new tables.
        for loop in (
            node for node in ast.walk(tree) if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        ):
            values = constants.get(loop.iter.id, loop.iter) if isinstance(loop.iter, ast.Name) else loop.iter
            named = {self._said(part) for part in getattr(values, "elts", [])}
            if named and named <= self._new:
                self._new.add(f"{{{ast.unparse(loop.target)}}}")
        transactional = constants.get("transactional")
        self._transactional = not (isinstance(transactional, ast.Constant) and transactional.value is False)

    def dangers(self, call: ast.Call, batch: str) -> Iterator[Danger]:
        name = _name(call)
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        for sentence, breaks in self._sentences(call, name, owner, batch):
            yield call.lineno, sentence, breaks

    def _sentences(self, call: ast.Call, name: str, owner: str, batch: str) -> Iterator[tuple[str, bool]]:
        if owner == "steps" and name in _STEPS:
            if self._transactional:
                yield f"steps.{name} works in transactions of its own: say transactional = False.", False
            return
        if name == "execute":
            statement = self._said(call.args[0]) if call.args else ""
            yield from statement_findings(statement, self._new)
            return
        if owner not in ("op", "batch_op") and not batch:
            return
        yield from self._operation(call, name, batch)
        changes = name.split("_")[0] in ("create", "add", "alter", "drop", "rename")
        if not self._transactional and changes and "if_not_exists" not in self._options(call):
            yield (
                f"op.{name} fails when the revision is run again after an interruption: give it a revision of its own that "
                "is transactional.",
                False,
            )

    def _operation(self, call: ast.Call, name: str, batch: str) -> Iterator[tuple[str, bool]]:
        table = batch or self._table(call, name)
        if table in self._new:
            return
        options = self._options(call)
        column = self._said(call.args[0 if batch else 1]) if len(call.args) > (0 if batch else 1) else ""
        match name:
            case "drop_table":
                yield (
                    f"older code uses {table}: say in supports which code does without it, in the release after that.",
                    True,
                )
            case "drop_column":
                yield (
                    f"older code uses {table}.{column}: say in supports which code does without it, in the release after that.",
                    True,
                )
            case "rename_table":
                yield f"older code knows {table} by its name: make the new one beside it and fill both.", False
            case "add_column":
                yield from self._added(call, table, batch)
            case "alter_column":
                yield from self._altered(options, table, column)
            case "create_index":
                yield f"building an index on {table} keeps its writers out: use steps.create_index.", False
            case "create_unique_constraint" | "create_primary_key" | "create_exclude_constraint":
                yield (
                    f"{table} is locked while its rows are checked: build a unique index with steps.create_index.",
                    False,
                )
            case "create_check_constraint" | "create_foreign_key":
                if "postgresql_not_valid" not in options:
                    yield (
                        f"{table} is locked while its rows are checked: make the constraint with postgresql_not_valid=True "
                        "and validate it in another revision.",
                        False,
                    )
                else:
                    yield (
                        f"older code may write to {table} what this refuses: say in supports which code does not.",
                        True,
                    )

    def _added(self, call: ast.Call, table: str, batch: str) -> Iterator[tuple[str, bool]]:
        column = next((part for part in call.args if isinstance(part, ast.Call) and _name(part) == "Column"), None)
        if column is None:
            return
        options, name = self._options(column), self._said(column.args[0]) if column.args else ""
        default = options.get("server_default")
        required = isinstance(nullable := options.get("nullable"), ast.Constant) and nullable.value is False
        if required and default is None:
            yield f"older code does not fill {table}.{name}: let it be empty, or give it a server_default.", False
        if default is not None and "(" in _text(default):
            yield (
                f"a default that is computed rewrites {table}: add {name} empty and fill it with steps.in_batches.",
                False,
            )

    def _altered(self, options: dict[str, ast.expr], table: str, column: str) -> Iterator[tuple[str, bool]]:
        if "new_column_name" in options:
            yield f"older code knows {table}.{column} by its name: add the new column beside it and fill both.", False
        if "type_" in options:
            yield f"changing the type of {table}.{column} may rewrite the table: add a column of the new type.", False
        if isinstance(value := options.get("nullable"), ast.Constant) and value.value is False:
            yield (
                f"{table} is locked while {column} is looked through, and older code may leave it empty: make a check "
                "constraint with postgresql_not_valid=True first.",
                False,
            )

    def _table(self, call: ast.Call, name: str) -> str:
        place = {"create_index": 1, "create_unique_constraint": 1, "create_check_constraint": 1, "create_foreign_key": 1,
                 "create_primary_key": 1, "create_exclude_constraint": 1}.get(name, 0)  # fmt: skip
        return self._said(call.args[place]) if len(call.args) > place else ""

    def _options(self, call: ast.Call) -> dict[str, ast.expr]:
        return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}

    def _said(self, node: ast.expr) -> str:
        """A text, also by the name of a constant of the module."""
        if isinstance(node, ast.Name) and node.id in self._constants:
            return _text(self._constants[node.id])
        return _text(node)


def main() -> int:
    findings = lint(History(service) for service in SERVICES)
    for finding in findings:
        print(finding)
    if findings:
        print("docs/upgrade.md says how to do each of these without holding anybody up.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
