"""Burst smoothing: a gate, a fair Redis buffer, and the drainer that empties it."""
