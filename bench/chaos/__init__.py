"""Stress: load with real processes, things that go wrong on purpose, and a judge of what the logs say afterwards.

It is an app of its own, so that pumps find its workflows by EXTRA_APPS.
"""
