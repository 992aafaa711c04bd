"""The chain of audit entries in plain Python: each entry's hash covers its words and the hash of the entry before."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FIRST_HASH = "0" * 64
"""What stands before the first entry of a project."""


def entry_hash(words: Mapping[str, Any], previous_hash: str) -> str:
    """SHA-256, as 64 hex digits, of an entry's canonical JSON with the hash of the entry before it."""
    text = json.dumps(
        {**words, "previous_hash": previous_hash}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()
