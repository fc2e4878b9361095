"""The server process and its supervisor."""
