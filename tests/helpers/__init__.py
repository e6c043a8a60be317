"""What tests share: data, runs of the command line, and drivers that disturb runs. Nothing here is a test."""
