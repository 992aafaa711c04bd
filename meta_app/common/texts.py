"""Words as people type and paste them."""

_INVISIBLE = dict.fromkeys(
    map(ord, "\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
)


def plain_line(text: str) -> str:
    """One line, one blank between words, without marks that nobody sees.

    Marks of direction would turn what is printed after them, and make two names differ that look the same. Joiners
    stay: emoji and Persian words are written with them.

    Examples
    --------
    >>> plain_line("Cao\u200f  2017\u202e ")
    'Cao 2017'
    """
    return " ".join(text.translate(_INVISIBLE).split())
