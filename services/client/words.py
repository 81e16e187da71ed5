"""Arguments that are one of a few words."""

import difflib
from collections.abc import Iterable

from services.errors import invalid_field


def check_word(field: str, value: object, valid: Iterable[str]) -> None:
    """Pass one of the `valid` words.

    Raises:
        ServiceError: FIELD_INVALID; names field, value, the words and the nearest of them.
    """
    words = list(valid)
    if isinstance(value, str) and value in words:
        return
    close = difflib.get_close_matches(str(value), words, n=1, cutoff=0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise invalid_field(field, value, f"{' or '.join(map(repr, words))}{meant}")
