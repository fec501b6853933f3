"""Says how large an image is over its base and takes the bill of materials out of its archive.

    python3 measure.py acometida-0.1.0.tar --base-layers 2 --limit 250 --bom acometida-0.1.0.cdx.json

Exits with 1 when the layers over the base are larger than the limit (MB, uncompressed).
"""

import argparse
import gzip
import io
import json
import sys
import tarfile
from pathlib import Path

MEGABYTE = 1_000_000
BOM = "opt/acometida/bom.cdx.json"


def layer(archive: tarfile.TarFile, name: str) -> bytes:
    """One layer of the archive, uncompressed."""
    file = archive.extractfile(archive.getmember(name))
    assert file is not None
    content = file.read()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def bom_in(content: bytes) -> bytes | None:
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        try:
            file = files.extractfile(BOM)
        except KeyError:
            return None
        return file.read() if file else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--base-layers", type=int, required=True)
    parser.add_argument("--limit", type=int, required=True, help="MB over the base")
    parser.add_argument("--bom", type=Path, required=True, help="where the bill of materials is written")
    told = parser.parse_args()
    with tarfile.open(told.archive) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        names = json.loads(manifest.read())[0]["Layers"]
        layers = [layer(archive, name) for name in names]
    over = sum(len(content) for content in layers[told.base_layers :]) / MEGABYTE
    whole = sum(len(content) for content in layers) / MEGABYTE
    bom = next((found for content in reversed(layers) if (found := bom_in(content))), None)
    if bom is None:
        sys.exit(f"{told.archive} has no bill of materials at /{BOM}.")
    told.bom.write_bytes(bom)
    print(f"{whole:.0f} MB, of which {over:.0f} MB over the base (at most {told.limit}); {told.bom}")
    if over > told.limit:
        sys.exit(f"The image is {over:.0f} MB over its base: at most {told.limit} MB are allowed.")


if __name__ == "__main__":
    main()
