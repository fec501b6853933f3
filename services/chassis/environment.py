"""The environment: the only module that reads it.

A settings class is a frozen dataclass whose fields are declared with :func:`setting`. :func:`load` reads them all and
reports every problem at once, missing, malformed and contradictory alike, so that an operator mends a deployment in one
go. Any ``COOP_X`` may be given as ``COOP_X_FILE``, the path of a file that holds the value: secrets stay out of the
environment, which every child process and every crash report sees.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

_MISSING = object()

#: What a process ends with when its settings are wrong (EX_CONFIG of sysexits.h): starting it again changes nothing.
EXIT_SETTINGS = 78


class SettingsError(Exception):
    """One sentence per setting that is absent or wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(
    variable: str,
    *,
    default: Any = _MISSING,
    parse: Callable[[str], Any] | None = None,
    help: str = "",
    secret: bool = False,
) -> Any:
    """A field read from the environment variable ``variable``; ``parse`` turns its text into the value or raises ValueError.

    The value of a ``secret`` one appears in no message.
    """
    metadata = {"variable": variable, "parse": parse, "help": help, "default": default, "secret": secret}
    return dataclasses.field(metadata=metadata, repr=not secret)


SettingsT = TypeVar("SettingsT")


def load(settings_type: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Reads every field of ``settings_type`` and checks what they say together. Raises SettingsError with one sentence
    per problem."""
    source = os.environ if environ is None else environ
    problems: list[str] = []
    values: dict[str, Any] = {}
    files: dict[str, Path] = {}
    for field in dataclasses.fields(settings_type):  # type: ignore[arg-type]
        if "variable" not in field.metadata:
            continue
        try:
            text, path = _text(field.metadata["variable"], source)
            values[field.name] = _value(field.metadata, text, path)
        except _Wrong as wrong:
            problems.append(str(wrong))
            continue
        if path:
            files[field.name] = path
    if any(field.name == "files" for field in dataclasses.fields(settings_type)):  # type: ignore[arg-type]
        values["files"] = files
    problems += _contradictions(settings_type, values)
    if problems:
        raise SettingsError(problems)
    return settings_type(**values)


class _Wrong(Exception):
    """The sentence about one variable."""


def _text(variable: str, source: Mapping[str, str]) -> tuple[str, Path | None]:
    """What a variable says and the file that said it, if one did. Raises _Wrong."""
    text = source.get(variable, "")
    named = source.get(f"{variable}_FILE", "")
    if not named:
        return text, None
    if text:
        raise _Wrong(f"{variable} and {variable}_FILE are both set: set one of them.")
    path = Path(named)
    try:
        return content(path), path
    except (OSError, ValueError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise _Wrong(f"{variable}_FILE is {named!r}, which cannot be read: {reason}.") from wrong


def content(path: Path) -> str:
    """The text of a secret's file without the newline that editors leave at its end. Raises OSError or ValueError."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    if not text:
        raise ValueError("the file is empty")
    return text


def _value(metadata: Mapping[str, Any], text: str, path: Path | None) -> Any:
    variable, default, parse = metadata["variable"], metadata["default"], metadata["parse"]
    if not text:
        if default is _MISSING:
            raise _Wrong(f"{variable} is not set: {metadata['help'] or 'it has no default'}.")
        text = default
    try:
        return parse(text) if parse and isinstance(text, str) else text
    except ValueError as wrong:
        if path:
            raise _Wrong(f"{variable}_FILE is {str(path)!r}, which says something wrong: {wrong}.") from None
        if metadata["secret"]:
            raise _Wrong(f"{variable} is wrong: {wrong}.") from None
        raise _Wrong(f"{variable} is {text!r}: {wrong}.") from None


def _contradictions(settings_type: type[Any], values: Mapping[str, Any]) -> list[str]:
    """What the fields that could be read say against each other or against the machine."""
    partial = object.__new__(settings_type)
    for name, value in values.items():
        object.__setattr__(partial, name, value)
    found: list[str] = []
    for check in getattr(settings_type, "CHECKS", ()):
        try:
            found += check(partial)
        except AttributeError as absent:
            # A check that needs a field which could not be read says nothing: that field has its own sentence.
            if absent.obj is not partial or absent.name in values:
                raise
    return found


def environment() -> dict[str, str]:
    """A copy of the environment, for starting child processes."""
    return dict(os.environ)


def for_libraries(variable: str, value: str) -> None:
    """Sets a variable by which a library lets itself be told something; before that library is imported."""
    os.environ[variable] = value
