"""Which words of one typed query find a document, and in which layers they are read."""

from typing import Any

import torch

from genir.analyses.read_words import Word
from genir.engine.decoder import LeanDecoder, Memory, Trace
from genir.engine.unseen_tokens import without_tokens


def traced_words(
    decoder: LeanDecoder, memory: Memory, trace: Trace, words: list[Word], token: int
) -> list[dict[str, Any]]:
    """A row for each of the `words` of the query in `memory` and each decoder layer, and for all
    layers (layer null): the cross-attention there does not see the word.

    Columns: word (its number, from 0), text, pieces (its tokens), layer; vocabulary_rank and
    docid_rank of `token` then; logit_difference_lost: by how much its logit comes down towards that
    of the best other document, or further below, null where there is no other.
    """
    relevant = torch.tensor([[token]]).expand(len(words), 1)
    device, tokens = memory.bias.device, memory.bias.shape[-1]
    rows = torch.zeros(len(words), dtype=torch.long, device=device)
    unseen = torch.zeros(len(words), tokens, dtype=torch.bool, device=device)
    for row, word in zip(unseen, words, strict=True):
        row[list(word.tokens)] = True
    before = decoder.unembedding.ranks_and_logits(trace.states[-1], relevant[:1])
    layers = range(len(decoder.layers))
    found = []
    for layer in (*layers, None):
        places = layers if layer is None else [layer]
        end = without_tokens(decoder, memory, trace, rows, unseen, places)
        ranks = decoder.unembedding.ranks_and_logits(end, relevant)
        lost = before.relevant_logit - before.other_logit
        lost = lost - (ranks.relevant_logit - ranks.other_logit)
        columns = (ranks.vocabulary.tolist(), ranks.docid.tolist(), lost.tolist())
        found += [
            {
                "word": number,
                "text": word.text,
                "pieces": len(word.tokens),
                "layer": layer,
                "vocabulary_rank": vocabulary,
                "docid_rank": docid,
                "logit_difference_lost": value if value == value else None,
            }
            for number, (word, vocabulary, docid, value) in enumerate(
                zip(words, *columns, strict=True)
            )
        ]
    return sorted(found, key=lambda row: row["word"])
