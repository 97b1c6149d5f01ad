"""Other engines, each in a virtualenv of its own: programs that answer figures over a pipe, and how they are asked."""
