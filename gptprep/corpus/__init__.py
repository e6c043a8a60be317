"""From inputs to chunks of text:

    inputs ──> sources ──> blocks ──> documents ──> chunks
    (names)    (files)     (bytes)    (one text)    (what a tokenizer encodes in one call)

Bytes are never changed on the way, unless another encoding or `errors="replace"` asks for it.
"""
