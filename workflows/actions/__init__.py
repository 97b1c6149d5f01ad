"""Actions: what a declared workflow can do outside, by name. These are the built-in ones; apps add their own."""

from workflows.actions import http, llm
from workflows.actions.call import ActionCall, Arguments
from workflows.actions.registry import action
from workflows.redaction import Secret

__all__ = ["ActionCall", "Arguments", "Secret", "action", "http", "llm"]
