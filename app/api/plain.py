"""A point as nearly everybody sends it, read at once: not first as JSON and then as a model.

What is written in any other way, or wrong, is left to the general reader, which would have read the
same of what is read here.
"""

import math
import re

from app.api.bodies import Point
from app.ingest.timestamps import parse_timestamp

TEXT, WHOLE = r"[0-9T:.Z+-]{10,40}", r"-?(?:0|[1-9][0-9]{0,18})"
NUMBER = r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?"
TOKENS = (
    r"\{",
    f'"timestamp"[ \t\r\n]*:[ \t\r\n]*(?:"(?P<text>{TEXT})"|(?P<whole>{WHOLE}))',
    ",",
    f'"value"[ \t\r\n]*:[ \t\r\n]*(?P<value>{NUMBER})',
    r"\}",
)
PLAIN = re.compile("[ \t\r\n]*".join(("", *TOKENS, "")).encode())


def point(body: bytes) -> Point | None:
    """None where the general reader is to look at it."""
    found = PLAIN.fullmatch(body)
    if found is None:
        return None
    text, whole, value = found.groups()
    try:
        time = parse_timestamp(int(whole) if text is None else text.decode())
    except ValueError:
        return None
    number = float(value)
    return None if math.isinf(number) else Point.model_construct(timestamp=time, value=number)
