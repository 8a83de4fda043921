"""Queries that a model writes for documents."""
