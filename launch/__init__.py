"""Brings the system up: its environment, embedded servers and processes. Imports no app and no Django."""
