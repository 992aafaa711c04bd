"""What bounds every call of the JSON API."""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.parsers import JSONParser

LARGEST_BODY = 10_000_000
HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


class TooLargeError(APIException):
    status_code = 413
    default_detail = f"This is more than {LARGEST_BODY // 1_000_000} MB, so nothing was read or saved. Send less."
    default_code = "too_large"


class BoundedJSONParser(JSONParser):
    """JSON of bounded size and depth, whose text every database can store."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise TooLargeError
        try:
            data = super().parse(BytesIO(body), media_type, parser_context)
            if HALF_CHARACTER.search(body):
                json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("This JSON is nested too deeply; nothing was saved.") from None
        except UnicodeEncodeError:
            raise ParseError(r"This JSON holds half of a character (\ud800 to \udfff); nothing was saved.") from None
        return data


class Pages(LimitOffsetPagination):
    default_limit = 100
    max_limit = 1000
