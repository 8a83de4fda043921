"""A tokenizer that is there as a sentencepiece model alone, written as tokenizer.json.

transformers reads such a file with protobuf and by rules of each model's class. T5s need one rule,
the pieces of a text and then the end token, so the file itself is read here
(sentencepiece_model.proto), and what is made of it is compared with sentencepiece.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genir.base.errors import ModelError
from genir.base.progress import LOGGER
from genir.engine.model_config import end_tokens, read_config
from genir.engine.model_json import read_object
from genir.files.fingerprint import sha256
from genir.files.io import write_json

# Importing them takes longer than a download that has nothing to convert.
if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor
    from tokenizers import Tokenizer, normalizers

PIECES_FILES = ("spiece.model", "tokenizer.model")
_ADDED, _SETTINGS = "added_tokens.json", "tokenizer_config.json"
_OLDER = (_ADDED, "special_tokens_map.json", _SETTINGS)
TOKENIZER_FILES = ("tokenizer.json", *_OLDER, *PIECES_FILES)
RECORD = "tokenizer_conversion.json"

_NORMAL, _UNKNOWN, _CONTROL, _OWN, _BYTE = 1, 2, 3, 4, 6
_UNIGRAM, _BPE = 1, 2
_SPACE = "\u2581"
_MOST_DIFFERENT = 0.01
_CHUNK = 20
_TEXTS = (
    "when was the last time anyone was on the moon?",
    " Two  spaces, and   three ",
    "caf\u00e9 \u00fcber \u00bd \ufb01sh \uff21 na\u00efve",
    "IgG4-related 3.14 10,000 (a_b) 50% <p>",
    "\u6771\u4eac \u043c\u043e\u0441\u043a\u0432\u0430 \u0394x \u2192 \U0001f600",
    "line\nbreak\ttab",
    "",
)


@dataclass(frozen=True)
class PiecesFile:
    """What a sentencepiece model says: pieces with score and type, whether they are found as BPE,
    and how a text is normalised first."""

    pieces: list[tuple[str, float, int]]
    bpe: bool
    rules: bytes
    begins_with_space: bool
    one_space: bool

    @property
    def falls_back_to_bytes(self) -> bool:
        """Whether a character without a piece becomes its bytes."""
        return any(kind == _BYTE for _, _, kind in self.pieces)


def convert_tokenizer(folder: Path, what: str) -> None:
    """Write tokenizer.json beside a sentencepiece model in a model folder, if there is none yet,
    with a record of what it was made of; other files of the tokenizer, which are read for it, go.

    Raises ModelError, naming `what`, if the model cannot be read or the tokenizer made of it has
    other tokens than sentencepiece.
    """
    found = [folder / name for name in PIECES_FILES if (folder / name).is_file()]
    if (folder / "tokenizer.json").is_file() or not found:
        return
    import sentencepiece
    from transformers import PreTrainedTokenizerFast

    where = f"{what}: {found[0].name}"
    try:
        reference = sentencepiece.SentencePieceProcessor(model_file=str(found[0]))
        pieces = read_pieces_file(found[0].read_bytes())
    except (RuntimeError, ValueError, IndexError, struct.error) as error:
        raise ModelError(f"{where} is no sentencepiece model ({error}); get it again") from None
    config = read_config(folder)
    pad, end = config["pad_token_id"], end_tokens(config)[0]
    if max(pad, end) >= len(pieces.pieces):
        raise ModelError(f"{where} has {len(pieces.pieces)} pieces, but config.json says pad {pad} "
                         f"and end {end}; take both from one revision")  # fmt: skip
    tokenizer = tokenizer_of(pieces, end)
    extra = _extra_tokens(folder, config, pieces)
    _add(tokenizer, pieces, extra, where)
    texts, different = _compared(tokenizer, reference, pieces, end)
    if different:
        _tell_of_differences(texts, different, where)
    names = {"pad_token": pad, "eos_token": end}
    names["unk_token"] = next(i for i, (*_, t) in enumerate(pieces.pieces) if t == _UNKNOWN)
    for name in _OLDER:
        (folder / name).unlink(missing_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        extra_special_tokens=list(extra),
        **{name: pieces.pieces[token][0] for name, token in names.items()},
    ).save_pretrained(folder)
    made = {"made_of": found[0].name, "sha256": sha256(found[0]), "pieces": len(pieces.pieces)}
    made |= {"texts_compared": len(texts), "texts_different": len(different)}
    made["versions"] = {p: version(p) for p in ("sentencepiece", "tokenizers", "transformers")}
    write_json(folder / RECORD, made)
    LOGGER.info("%s: tokenizer.json is made of it", where)


def read_pieces_file(content: bytes) -> PiecesFile:
    """The content of a sentencepiece model. Raises ValueError, IndexError or struct.error if it is
    none, and ValueError for what no T5 has: words or characters as pieces, spaces at their ends."""
    pieces, trainer, normalizer = [], {}, {}
    for number, value in _fields(content):
        if number == 1:
            piece = dict(_fields(value))
            (score,) = struct.unpack("<f", piece.get(2, bytes(4)))
            pieces.append((piece[1].decode(), score, piece.get(3, _NORMAL)))
        elif number in (2, 3):
            (trainer if number == 2 else normalizer).update(_fields(value))
    kind = trainer.get(3, _UNIGRAM)
    if kind not in (_UNIGRAM, _BPE) or trainer.get(24) or not normalizer.get(5, 1):
        raise ValueError("its pieces are words or characters, or spaces are no part of them")
    flags = (bool(normalizer.get(number, 1)) for number in (3, 4))
    return PiecesFile(pieces, kind == _BPE, normalizer.get(2, b""), *flags)


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of the fields of a protobuf message: whole numbers, or bytes."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        if key & 7 == 0:
            value, at = _varint(content, at)
        else:
            length, at = _varint(content, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            value, at = content[at : at + length], at + length
            if len(value) < length:
                raise ValueError("it is cut off")
        yield key >> 3, value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (content[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 128:
            return value, at


def tokenizer_of(file: PiecesFile, end: int) -> "Tokenizer":
    """A tokenizer with these pieces that ends every text with the token `end`."""
    from tokenizers import Tokenizer, decoders, models, processors

    unknown = next(i for i, (*_, kind) in enumerate(file.pieces) if kind == _UNKNOWN)
    if file.bpe:
        from transformers.convert_slow_tokenizer import generate_merges

        tokens = {piece: i for i, (piece, *_) in enumerate(file.pieces)}
        scores = {piece: score for piece, score, kind in file.pieces if kind in (_NORMAL, _OWN)}
        model = models.BPE(
            tokens,
            generate_merges(tokens, scores),
            unk_token=file.pieces[unknown][0],
            fuse_unk=True,
            byte_fallback=file.falls_back_to_bytes,
        )
    else:
        rows = [(piece, score) for piece, score, _ in file.pieces]
        model = models.Unigram(rows, unk_id=unknown, byte_fallback=file.falls_back_to_bytes)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizer_of(file)
    words = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*words, decoders.Strip(" ", 1, 0)])
    ending = (file.pieces[end][0], end)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {ending[0]}", special_tokens=[ending]
    )
    return tokenizer


def normalizer_of(file: PiecesFile) -> "normalizers.Normalizer":
    """What sentencepiece does to a text before it looks for pieces."""
    from tokenizers import Regex, normalizers

    steps = [normalizers.Precompiled(file.rules)] if file.rules else []
    if file.one_space:
        steps += [normalizers.Replace(Regex("^ +| +$"), ""), normalizers.Replace(Regex(" +"), " ")]
    if file.begins_with_space:
        steps.append(normalizers.Prepend(_SPACE))
    return normalizers.Sequence([*steps, normalizers.Replace(" ", _SPACE)])


def _extra_tokens(folder: Path, config: dict[str, Any], file: PiecesFile) -> dict[str, int]:
    """Special tokens that other files of the tokenizer add, in the order of their numbers. Where
    they do not number a T5's sentinels, the last is the first after the pieces."""
    settings, added = (
        read_object(folder / name) if (folder / name).is_file() else {}
        for name in (_SETTINGS, _ADDED)
    )
    for token, said in (settings.get("added_tokens_decoder") or {}).items():
        added.setdefault(said["content"], int(token))
    rows = len(file.pieces)
    of_t5 = "T5" in settings.get("tokenizer_class", "T5" if config["model_type"] == "t5" else "")
    if not any(token >= rows for token in added.values()) and of_t5:
        from genir.models.tokenizer import sentinel

        sentinels = settings.get("extra_ids", 100)
        added |= {sentinel(i): rows + sentinels - 1 - i for i in range(sentinels)}
    return dict(sorted(added.items(), key=lambda entry: entry[1]))


def _add(tokenizer: "Tokenizer", file: PiecesFile, extra: dict[str, int], where: str) -> None:
    """Make control pieces and `extra` special, and pieces of the user's own whole."""
    from tokenizers import AddedToken

    whole = [AddedToken(piece, normalized=False) for piece, _, kind in file.pieces if kind == _OWN]
    tokenizer.add_tokens(whole)
    special = [piece for piece, _, kind in file.pieces if kind in (_UNKNOWN, _CONTROL)]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in [*special, *extra]])
    for content, token in extra.items():
        if tokenizer.token_to_id(content) != token:
            raise ModelError(
                f"{where} cannot be converted: {_ADDED} or {_SETTINGS} say that {content!r} is "
                f"token {token}, which is not the next after its {len(file.pieces)} pieces; "
                "convert the tokenizer with the transformers that wrote it"
            )


def _compared(
    tokenizer: "Tokenizer", reference: "SentencePieceProcessor", file: PiecesFile, end: int
) -> tuple[list[str], list[str]]:
    """Texts, all pieces in them, and those of which sentencepiece has other tokens."""
    normal = [piece.replace(_SPACE, " ") for piece, _, kind in file.pieces if kind == _NORMAL]
    starts = range(0, len(normal), _CHUNK)
    texts = [*_TEXTS, *("".join(normal[start : start + _CHUNK]) for start in starts)]
    return texts, [t for t in texts if tokenizer.encode(t).ids != [*reference.encode(t), end]]


def _tell_of_differences(texts: list[str], different: list[str], where: str) -> None:
    """Raises ModelError if they are many; some rare characters are normalised otherwise."""
    said = f"{len(different)} of {len(texts)} texts, such as {different[0]!r}"
    if len(different) > _MOST_DIFFERENT * len(texts):
        raise ModelError(
            f"{where} cannot be converted: {said}, have other tokens than sentencepiece gives; "
            "write tokenizer.json with the transformers that made the model, and name that folder"
        )
    LOGGER.warning("%s: %s, have other tokens than sentencepiece gives", where, said)
