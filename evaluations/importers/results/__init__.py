"""Readers of result files, a module per format: a file in, what was measured out."""
