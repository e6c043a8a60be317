"""Tokens as visible text on one line, including white space and incomplete characters."""

_SIGNS = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"}


def visible(token: bytes) -> str:
    """A token as text without white space: `·` space, `⏎` newline, `⇥` tab, `␍` carriage return.

    Other characters that do not print are escaped as in Python; bytes of an incomplete character are
    `<0xE4>`.

    >>> visible(b" caf\\xc3\\xa9\\n"), visible(b"\\xe4\\xbd"), visible(b"\\x00")
    ('·café⏎', '<0xE4><0xBD>', '\\\\x00')
    """
    text = token.decode(errors="surrogateescape")
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if "\udc80" <= character <= "\udcff":
        return f"<0x{ord(character) - 0xDC00:02X}>"
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
