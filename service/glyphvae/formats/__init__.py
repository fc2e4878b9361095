"""Encodings of pictures and arrays."""
