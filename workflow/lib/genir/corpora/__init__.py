"""Documents, queries and qrels."""
