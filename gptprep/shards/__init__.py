"""Shard folders: the manifest, the layouts, and reading and verifying with nothing taken on trust."""
