"""Which ids each window holds: one index class for each kind of window, shuffling, splits, and gathering."""
