"""Load for a service on this machine: what to send and when, sending it, and proving what became of it."""
