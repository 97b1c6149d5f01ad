"""Declarative definitions: versioned JSON that one built-in workflow interprets."""
