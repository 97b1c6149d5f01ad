"""Bulk work on rows: cancel a backlog, delete what is old; in bounded batches that a repeat goes on with."""
