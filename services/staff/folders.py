"""Folders named on the command line."""

from __future__ import annotations

from pathlib import Path


def files_in(folder: Path) -> list[Path]:
    """The files in and under a folder, in order of name; hidden ones are left out."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))


def no_files(folder: Path) -> str:
    """What to say of a folder without any."""
    return f"The folder {folder} has no files: name the folder where the meter files are."
