"""The transition row, its storage and its replay."""
