"""Typesetting: symbols, line breaking, layout and drawing."""
