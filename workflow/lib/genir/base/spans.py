"""How many masked spans a chunk of text has in span corruption."""


def most_spans(chunk_tokens: int, noise_density: float, mean_span: float) -> int:
    """Of a whole chunk of `chunk_tokens`, of which `noise_density` are masked in spans of
    `mean_span` tokens on average; each takes a sentinel."""
    masked = max(1, round(chunk_tokens * noise_density))
    return max(1, round(masked / mean_span))
