"""What we ship of others is what its record says: name, version, licence, source, sha256 of each file."""

import hashlib
import json
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
RECORDS = json.loads((VENDOR / "VENDORED.json").read_text(encoding="utf-8"))
FILES = {path: sha256 for record in RECORDS for path, sha256 in record["files"].items()}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_record_tells_origin_and_licence_and_ships_the_licence_text(record):
    assert all(record[field] for field in ("name", "version", "licence", "source"))
    assert any("LICEN" in path.upper() for path in record["files"])


@pytest.mark.parametrize("path", sorted(FILES))
def test_vendored_file_is_unchanged(path):
    assert hashlib.sha256((VENDOR / path).read_bytes()).hexdigest() == FILES[path]


def test_no_vendored_file_goes_unrecorded():
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present - {"VENDORED.json"} == set(FILES)


def test_the_notices_point_to_the_record_and_the_licence_texts():
    notices = (VENDOR.parents[1] / "THIRD_PARTY_NOTICES.md").read_text(encoding="utf-8")
    assert "static/vendor/VENDORED.json" in notices
    assert "static/vendor/*/LICENSE" in notices
