"""Ids on disk: files, streams of files, and encoding a corpus into them."""
