"""Encoders and decoders of images and arrays."""
