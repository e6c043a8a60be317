"""Sizes in bytes. (Sizes that are counts of ids say so where they are used.)"""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
