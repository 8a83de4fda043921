"""A small T5-style tokenizer: unigram pieces, sentinels, an end token after every text."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import count, takewhile

import sentencepiece
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from genir.base.errors import ConfigError

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
LONGEST_TEXT = 2**30
"""Bytes; sentencepiece leaves out what is longer than its own 4192."""


def sentinel(number: int) -> str:
    """T5's spelling of the token that stands for masked span `number`."""
    return f"<extra_id_{number}>"


def sentinel_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token numbers of the sentinels of span 0, 1, ... that a tokenizer has, in this order."""
    vocabulary = tokenizer.get_vocab()
    names = takewhile(vocabulary.__contains__, map(sentinel, count()))
    return [vocabulary[name] for name in names]


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, sentinels: int
) -> PreTrainedTokenizerFast:
    """Unigram pieces (Kudo 2018) of NFKC-normalised, lower-cased text, split at white space; the
    same texts in the same order give the same pieces and scores.

    `vocabulary` counts pieces, special tokens and sentinels. The decoder starts from `<pad>`, as
    in T5. Raises ConfigError if the texts have no such number of pieces.
    """
    first = [PAD, END, UNKNOWN, *(sentinel(i) for i in range(sentinels))]
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    pieces = _pieces(_folded(texts, normalizer), vocabulary, len(first))
    rows = [*((name, 0.0) for name in first), *pieces]
    tokenizer = Tokenizer(models.Unigram(rows, unk_id=first.index(UNKNOWN)))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(first)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, first.index(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens=first[3:],
    )


def _folded(texts: Iterable[str], normalizer: normalizers.Normalizer) -> Iterator[str]:
    """The texts as the pieces will meet them, a space between two words."""
    return (" ".join(normalizer.normalize_str(text).split()) for text in texts)


def _pieces(texts: Iterator[str], vocabulary: int, others: int) -> list[tuple[str, float]]:
    """Pieces with log probabilities that fill a vocabulary in which `others` rows are taken.

    One thread, as sums of several would come in a changing order. Raises ConfigError.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=texts,
            model_writer=model,
            model_type="unigram",
            vocab_size=vocabulary - others + 1,
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            normalization_rule_name="identity",
            split_digits=True,
            character_coverage=0.9999,
            max_sentence_length=LONGEST_TEXT,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _refused(str(error), vocabulary, others) from None
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    numbers = range(1, trained.get_piece_size())
    return [(trained.id_to_piece(i), trained.get_score(i)) for i in numbers]


def _refused(reason: str, vocabulary: int, others: int) -> Exception:
    """What to write for a vocabulary that sentencepiece refuses."""
    rows = f"pretraining.vocabulary: {vocabulary} rows"
    if most := re.search(r"too high .*<= (\d+)", reason):
        return ConfigError(
            f"{rows} are more than the pre-training text has pieces for; write at most "
            f"{int(most[1]) + others - 1}, or add text"
        )
    if least := re.search(r"smaller than required_chars\. \d+ vs (\d+)", reason):
        return ConfigError(
            f"{rows} are fewer than the characters of the pre-training text; write at least "
            f"{int(least[1]) + others - 1}"
        )
    return ConfigError(f"no tokenizer can be trained on the pre-training text: {reason}")
