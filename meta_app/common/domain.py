"""The one text of values that are hashed, and its hash. Plain Python."""

import hashlib
import json
from typing import Any


def canonical_json(content: Any) -> str:
    """The one text of a content: sorted keys, no blanks, UTF-8 as it is, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
