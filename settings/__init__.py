"""Settings of the service: environment in, Django settings out."""
