"""Tables of results: one module a table, each from files of ranks to rows with intervals."""
