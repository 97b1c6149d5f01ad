"""A shop whose orders the pictures of docs/images show; an app of its own, found by EXTRA_APPS."""
