"""Train the tokenizer of the mini-T5."""

from pathlib import Path

from genir.files.io import atomic_folder, read_jsonl
from genir.models.tokenizer import train_tokenizer
from script import run


def main(text: Path, vocabulary: int, sentinels: int, output: Path) -> None:
    """Train the tokenizer of the mini-T5.

    Args:
        text: JSON Lines with a key "text".
        vocabulary: number of rows, special tokens and sentinels included.
        sentinels: number of sentinels for span corruption.
        output: tokenizer folder to write.
    """
    tokenizer = train_tokenizer(
        (record["text"] for record in read_jsonl(text)), vocabulary, sentinels
    )
    with atomic_folder(output) as folder:
        tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    run(main)
