"""Files and folders: formats, locks, and atomic publishing."""
