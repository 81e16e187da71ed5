"""Performance figures, each beside its baseline in the same run: `mbctl bench`."""
