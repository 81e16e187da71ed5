"""The wire format, package `mbctl.v1`: .proto files and the code generated from them.

Regenerate with `make protos`; a test fails while the generated files are stale.
"""
