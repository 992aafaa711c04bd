"""Everything of a run as one ZIP: its files, the workbook, its provenance, and SHA256SUMS over all of them.

The archive is made on demand, member by member into a temporary file, and is the same bytes each time.
"""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

from meta_app.analyses.models import Artefact
from meta_app.results.selectors import LostFileError, checked_path
from meta_app.results.workbook import EPOCH

IN_MEMORY_BYTES = 16_000_000


def verified_bytes(artefact: Artefact) -> bytes:
    """The content of a file, if it still has the hash it was written with.

    Raises
    ------
    LostFileError
    """
    content = checked_path(artefact).read_bytes()
    if hashlib.sha256(content).hexdigest() != artefact.sha256:
        raise LostFileError(
            f"The file {artefact.name} of this run was changed after it was computed, so nothing is packed. "
            "Ask who runs the server to restore the folder of runs."
        )
    return content


def write_bundle(
    folder: str, artefacts: Iterable[Artefact], provenance: Mapping[str, Any], extra: Mapping[str, bytes]
) -> IO[bytes]:
    """A ZIP with every file below `folder`, rewound.

    Parameters
    ----------
    folder : str
        Name of the one folder in the archive.
    artefacts : iterable of Artefact
        Each is checked against its hash.
    provenance : mapping
        Written as provenance.json.
    extra : mapping of str to bytes
        Further files by name.

    Raises
    ------
    LostFileError
    """
    stream: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    sums: dict[str, str] = {}
    written = {**extra, "provenance.json": json.dumps(provenance, indent=2, ensure_ascii=False).encode() + b"\n"}
    with zipfile.ZipFile(stream, "w") as archive:
        for artefact in artefacts:
            _add(archive, folder, artefact.name, verified_bytes(artefact), sums)
        for name, content in sorted(written.items()):
            _add(archive, folder, name, content, sums)
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        _add(archive, folder, "SHA256SUMS", lines.encode(), {})
    stream.seek(0)
    return stream


def _add(archive: zipfile.ZipFile, folder: str, name: str, content: bytes, sums: dict[str, str]) -> None:
    sums[name] = hashlib.sha256(content).hexdigest()
    packed = name.endswith((".gz", ".xlsx", ".png"))
    kind = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", EPOCH), content, kind)
