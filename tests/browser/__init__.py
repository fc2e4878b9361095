"""Tests of the playground in a real Chromium, as a person uses it."""
