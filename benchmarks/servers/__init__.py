"""Servers that the service is compared with; each runs in a process, and some in an environment, of its own."""
