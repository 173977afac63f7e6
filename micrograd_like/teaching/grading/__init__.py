"""Grading: which numbers are right, and which mistake is behind the others."""
