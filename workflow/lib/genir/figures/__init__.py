"""Figures: one module a figure, each from a table to a matplotlib figure."""
