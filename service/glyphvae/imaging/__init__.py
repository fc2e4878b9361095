"""Decoding of uploaded images, and their conversion to glyphs."""
