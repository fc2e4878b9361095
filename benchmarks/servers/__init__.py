"""Applications of the servers that the service is compared with; each runs in a process of its own."""
