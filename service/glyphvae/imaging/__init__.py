"""Pictures of characters, decoded and converted to glyphs."""
