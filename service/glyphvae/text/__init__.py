"""Texts as symbols, lines and placed glyphs."""
