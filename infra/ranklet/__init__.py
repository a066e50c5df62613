"""Build time: everything that happens on the engineer's machine."""
