"""What `inspect` shows: one module for each kind of thing, with a function `show`."""
