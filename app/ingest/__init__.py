"""Bytes in, validated chunks out, in memory that does not grow with the input."""
