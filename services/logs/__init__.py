"""Logs that never raise and never block: events are copied into a queue, a thread writes them."""
