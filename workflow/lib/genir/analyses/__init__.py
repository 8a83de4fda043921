"""Analyses: one module an analysis, from a subject to data frames."""
