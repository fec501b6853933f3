"""Static files under names that carry their content's hash, so that browsers may keep them for a year.

The stylesheets are joined into one file in the order of their names, with the profile's brand tokens at the end:
one request, no build step.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, abort, request

from services.gateway import brand

FOLDER = Path(__file__).parent / "static"
A_YEAR = "public, max-age=31536000, immutable"
_TEXT = {".css", ".js", ".svg", ".txt"}


@dataclass(frozen=True)
class Asset:
    """One static file in memory. `path` is what follows /static/."""

    path: str
    body: bytes
    packed: bytes | None
    content_type: str


class Assets:
    """Every static file, read once at start."""

    def __init__(self, brand_colour: str) -> None:
        files = {
            "app.css": _stylesheet(brand_colour),
            "mark.svg": (FOLDER / "mark.svg").read_bytes().replace(b"#0b5d58", brand_colour.encode()),
        }
        for file in sorted(FOLDER.iterdir()):
            if file.is_file() and file.name not in files:
                files[file.name] = file.read_bytes()
        self._by_name = {name: _asset(name, body) for name, body in files.items()}
        self._by_path = {asset.path: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """The address of a static file; an unknown name is a mistake in a template."""
        return f"/static/{self._by_name[name].path}"

    def register(self, app: Flask) -> None:
        """Serve the files, and give templates `asset_url`."""
        app.add_url_rule("/static/<path:path>", "static", self.serve)
        app.jinja_env.globals["asset_url"] = self.url

    def serve(self, path: str) -> Response:
        """The file with that exact hash; an old hash is gone, never answered with other content."""
        asset = self._by_path.get(path)
        if asset is None:
            abort(404)
        response = Response(asset.body, content_type=asset.content_type)
        response.headers["Cache-Control"] = A_YEAR
        response.headers["Vary"] = "Accept-Encoding"
        if asset.packed is not None and request.accept_encodings["gzip"] > 0:
            response.set_data(asset.packed)
            response.headers["Content-Encoding"] = "gzip"
        return response


def _stylesheet(brand_colour: str) -> bytes:
    sheets = [sheet.read_text(encoding="utf-8") for sheet in sorted((FOLDER / "css").glob("*.css"))]
    return "\n".join([*sheets, brand.stylesheet(brand_colour)]).encode()


def _asset(name: str, body: bytes) -> Asset:
    stem, dot, suffix = name.rpartition(".")
    digest = hashlib.sha256(body).hexdigest()[:16]
    content_type = mimetypes.types_map.get(f".{suffix}", "application/octet-stream")
    if dot + suffix in _TEXT:
        content_type += "; charset=utf-8"
        return Asset(f"{stem}-{digest}.{suffix}", body, gzip.compress(body, mtime=0), content_type)
    return Asset(f"{stem}-{digest}.{suffix}", body, None, content_type)
