"""Exercises in backpropagation by hand."""
