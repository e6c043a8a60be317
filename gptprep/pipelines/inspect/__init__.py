"""`inspect`: what a text, corpus, file of ids, shard folder, tokenizer or table of embeddings holds.

One module for each kind of thing; `things` says which kind a name is.
"""
