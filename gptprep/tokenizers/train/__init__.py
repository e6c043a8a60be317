"""Building vocabularies from text: words, characters, and byte-level BPE."""
