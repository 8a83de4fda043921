"""Read every cross-attention head through the logit lens."""

from pathlib import Path

from genir.blocks import Limits
from genir.files import write_parquet
from genir.head_lens import head_lens
from genir.subject import QuerySource, load_subject
from script import run


def main(
    model: Path, source: QuerySource, docid_share: Path, top_tokens: Path, limits: Limits
) -> None:
    """Read every cross-attention head through the logit lens.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        docid_share: Parquet to write, a row per query, layer, head and number of top tokens.
        top_tokens: Parquet to write, a row per query, layer, head and position.
        limits: memory this process may use, in MiB, and precision of products.
    """
    shares, tokens = head_lens(load_subject(model, source, limits))
    write_parquet(docid_share, shares)
    write_parquet(top_tokens, tokens)


if __name__ == "__main__":
    run(main)
