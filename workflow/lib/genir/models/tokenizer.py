"""A small T5-style tokenizer: unigram pieces, sentinels, an end token after every text."""

from collections.abc import Iterable

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"


def sentinel(number: int) -> str:
    """T5's spelling of the token that stands for masked span `number`."""
    return f"<extra_id_{number}>"


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, sentinels: int
) -> PreTrainedTokenizerFast:
    """Unigram pieces (Kudo 2018) of NFKC-normalised, lower-cased text, split at white space.

    `vocabulary` counts pieces, special tokens and sentinels. The decoder starts from `<pad>`, as
    in T5.
    """
    names = [sentinel(i) for i in range(sentinels)]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, UNKNOWN, *names],
        unk_token=UNKNOWN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens=names,
    )
