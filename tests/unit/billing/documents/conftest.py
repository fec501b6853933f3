"""Reading printed documents back."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdf
import pytest


@pytest.fixture
def pages() -> Callable[[bytes], list[str]]:
    """The text of each page with every kind of blank as one ordinary blank."""

    def read(document: bytes) -> list[str]:
        return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(document)).pages]

    return read
