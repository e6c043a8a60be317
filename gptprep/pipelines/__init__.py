"""One file a verb: a frozen options dataclass in, a report out, nothing printed."""
