"""The check of UTF-8 agrees with Python's decoder."""

import codecs

from hypothesis import example, given
from hypothesis import strategies as st

from gptprep.corpus.utf8 import _SMALL, valid_bytes

ASCII = b"plain text " * (_SMALL // 8)
RUNS = st.one_of(
    st.binary(max_size=6),
    st.text(max_size=6).map(lambda text: text.encode(errors="surrogatepass")),
    st.sampled_from([b"a", b" ", b"\xe2", b"\x80", b"\x99", b"\xf0\x9f", b"\x98\x80", b"\xc3 \xa9", ASCII]),
)


def expected(data: bytes, *, final: bool) -> int | tuple[int, int]:
    try:
        return codecs.utf_8_decode(data, "strict", final)[1]
    except UnicodeDecodeError as error:
        return error.start, error.end


def found(data: bytes, *, final: bool) -> int | tuple[int, int]:
    try:
        return valid_bytes(data, final=final)
    except UnicodeDecodeError as error:
        return error.start, error.end


@given(runs=st.lists(RUNS, max_size=12), final=st.booleans(), is_large=st.booleans())
@example(runs=[b"\xe2", b" ", b"\x80\x99"], final=True, is_large=True)
@example(runs=["’".encode(), b" ", "é".encode()], final=False, is_large=True)
@example(runs=[ASCII, b"\xe2\x80"], final=False, is_large=True)
@example(runs=[ASCII, b"\xe2\x80"], final=True, is_large=True)
def test_check_agrees_with_the_decoder(runs: list[bytes], final: bool, is_large: bool) -> None:
    data = b"".join(runs)
    if is_large:
        data = ASCII + data
    assert found(data, final=final) == expected(data, final=final)


def test_text_of_many_bytes_that_are_not_ascii() -> None:
    data = "Καλημέρα κόσμε ".encode() * 10_000
    for stop in (len(data), len(data) - 2, len(data) - 3):
        for final in (True, False):
            assert found(data[:stop], final=final) == expected(data[:stop], final=final)
