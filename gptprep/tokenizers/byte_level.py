"""The alphabet of byte-level BPE files: each byte is written as one visible character.

Introduced with GPT-2 and kept by all later files: visible Latin-1 characters stand for their own byte, the
other bytes are written as the characters from U+0100 on. A space is `Ġ`, a newline `Ċ`.
"""

_VISIBLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))

BYTE_ORDER = (*_VISIBLE, *(byte for byte in range(256) if byte not in _VISIBLE))
"""All bytes in the order of their characters, which is that of GPT-2's ids."""

_CHARACTERS = {
    byte: chr(byte if index < len(_VISIBLE) else 0x100 + index - len(_VISIBLE))
    for index, byte in enumerate(BYTE_ORDER)
}
_BYTES = {character: byte for byte, character in _CHARACTERS.items()}


def to_text(token: bytes) -> str:
    """A token as byte-level files write it.

    >>> to_text(b" the")
    'Ġthe'
    """
    return "".join(map(_CHARACTERS.__getitem__, token))


def to_bytes(token: str) -> bytes:
    """The bytes of a token in a byte-level file.

    Raises:
        KeyError: a character is not in the alphabet.

    >>> to_bytes("Ġthe")
    b' the'
    """
    return bytes(map(_BYTES.__getitem__, token))
