"""A results folder with the numbers of a large model, drawn at random, as an explorer reads it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.names import ATTENTIONS, COMPONENTS, EMBEDDING, EVALUATED, PATCHED_STAGES
from genir.corpora.trec import write_qrels, write_run
from genir.files.io import read_parquet, write_json, write_parquet
from genir.pages import places
from genir.pages.places import Explored

MODEL = Explored("large", 24, ["zero", "mean", "pretrained", "donor_random"], ["zero", "mean"])
SOURCES = ("residual", "cross_attention", "mlp")
POSITIONS, DEPTH, PIECES, WORDS = 5, 10, 100, 5


class LargeResults:
    """Files of `queries` validation queries, a tenth as many test queries, a document for each, and
    of MODEL with `heads` heads."""

    def __init__(self, folder: Path, queries: int, heads: int, seed: int) -> None:
        self.results, self.heads = folder / "results", heads
        self.random = np.random.default_rng(seed)
        self.counts = {"validation": queries, "test": queries // 10}

    def write(self) -> Path:
        """Write them all; the folder of results."""
        data = self.results / "subset_corpus" / "large"
        names = [f"D{i}" for i in range(sum(self.counts.values()))]
        titles = [self._words(4) for _ in names]
        documents = pd.DataFrame({"doc_id": names, "title": titles, "text": ""})
        write_parquet(data / "documents.parquet", documents)
        parts, first = [], 0
        for split in EVALUATED:
            count = self.counts[split]
            own = names[first : first + count]
            first += count
            base = pd.DataFrame({"query_id": [f"{split}-{i}" for i in range(count)], "doc_id": own})
            write_qrels(data / f"qrels.{split}.txt", base)
            write_parquet(places.ranks(self.results, MODEL.name, split), self._ranks(base))
            answers = np.array(names)[self.random.integers(len(names), size=(count, 3 * DEPTH))]
            rows = [[o, *list(dict.fromkeys(r[r != o]))[: DEPTH - 1]] for o, r in zip(own, answers, strict=True)]  # fmt: skip # noqa: E501
            run = places.run(self.results, MODEL.name, split)
            write_run(run, base["query_id"], np.array(rows), MODEL.name)
            facts = {"text": [self._words(7) for _ in own], "split": split, "verbatim": False}
            parts.append(base.assign(**facts, shared_words=self.random.integers(4, size=count)))
            if split == "validation":
                self._inside(base)
                self._read_and_written(read_parquet(places.ranks(self.results, MODEL.name, split)))
        write_parquet(data / "queries.parquet", pd.concat(parts, ignore_index=True))
        self._folder(names)
        return self.results

    def _words(self, count: int) -> str:
        return " ".join(f"word{n}" for n in self.random.integers(5000, size=count))

    def _ranks(self, base: pd.DataFrame) -> pd.DataFrame:
        """Ranks of which most are 1, and logits as noisy as a model's."""
        count = len(base)
        far = np.exp(self.random.uniform(0, 10, count)).astype(int) + 1
        rank = np.where(self.random.random(count) < 0.75, 1, far)
        logits = self.random.normal(14, 3, (2, count))
        named = {"vocabulary_rank": rank, "docid_rank": np.minimum(rank, 1 + rank // 2)}
        return base.assign(**named, relevant_logit=logits.max(0), other_logit=logits.min(0))

    def _inside(self, base: pd.DataFrame) -> None:
        layers = range(MODEL.layers)
        for name, column, kinds in (
            ("rank_development", "source", SOURCES),
            ("contributions", "component", COMPONENTS),
        ):
            parts = [
                self._ranks(base).assign(layer=i, **{column: k}) for i in layers for k in kinds
            ]
            frame = pd.concat(parts, ignore_index=True)
            drawn = self.random.random((2, len(frame)))
            frame = frame.assign(ratio=drawn[0], cosine_output=drawn[1])
            write_parquet(places.of_one(self.results, name, MODEL.name), frame)
        alone = pd.concat(self._ranks(base).assign(source=kind) for kind in COMPONENTS)
        write_parquet(places.of_one(self.results, "direct_contribution", MODEL.name), alone)
        for path in self._patched():
            write_parquet(path, self._ranks(base))
        for path in places.head_patches(self.results, MODEL).values():
            parts = [self._ranks(base).assign(head=head) for head in range(self.heads)]
            write_parquet(path, pd.concat(parts, ignore_index=True))
        stages = {"I": [0, 6], "II": [7, 17], "III": [18, 23]}
        told = {"used": stages, "status": "imposed", "detected": {}}
        write_json(places.stages(self.results, MODEL.name), told)
        self._tokens(base)

    def _read_and_written(self, ranks: pd.DataFrame) -> None:
        """WORDS words of every correct query, knocked out everywhere; and what components and heads
        add to the logit difference of every query."""
        ids = ranks.loc[ranks["vocabulary_rank"] == 1, "query_id"].to_numpy()
        layers = [f"layer{i}" for i in range(MODEL.layers)]
        everywhere = np.array([*layers, *PATCHED_STAGES, "mean_state"])
        query, word, place = np.indices((len(ids), WORDS, len(everywhere)), np.int32).reshape(3, -1)
        frame = pd.DataFrame({"query_id": ids[query], "word": word, "where": everywhere[place]})
        texts = np.array([f"word{n}" for n in self.random.integers(5000, size=len(ids) * WORDS)])
        frame = frame.assign(text=texts[query * WORDS + word], pieces=1 + word % 3)
        path = places.of_one(self.results, "query_words", MODEL.name)
        write_parquet(path, self._ranks(frame))
        layers, heads = range(MODEL.layers), range(self.heads)
        parts = [(i, kind, -1) for i in layers for kind in COMPONENTS]
        whole = 1 + len(parts)
        parts += [(i, kind, head) for i in layers for kind in ATTENTIONS for head in heads]
        parts = pd.DataFrame([(-1, EMBEDDING, -1), *parts], columns=["layer", "component", "head"])
        shares = self.random.normal(0, 0.3, (len(ranks), len(parts)))
        difference = (ranks["relevant_logit"] - ranks["other_logit"]).to_numpy()
        shares[:, 0] = difference - shares[:, 1:whole].sum(1)
        frame = pd.DataFrame({"query_id": np.repeat(ranks["query_id"].to_numpy(), len(parts))})
        for name in parts:
            frame[name] = np.tile(parts[name].to_numpy(), len(ranks))
        path = places.of_one(self.results, "signed_contributions", MODEL.name)
        write_parquet(path, frame.assign(logit_difference=shares.ravel()))

    def _patched(self) -> Iterator[Path]:
        yield from places.patches(self.results, MODEL).values()
        yield from places.stage_patches(self.results, MODEL).values()

    def _tokens(self, base: pd.DataFrame) -> None:
        shape = (len(base), MODEL.layers, self.heads, POSITIONS)
        where = np.indices(shape, dtype=np.int32).reshape(4, -1)
        frame = pd.DataFrame(
            {
                "query_id": base["query_id"].to_numpy()[where[0]],
                "layer": where[1],
                "head": where[2],
                "position": where[3] + 1,
                "token_id": self.random.integers(PIECES + 10_000, size=where.shape[1]),
            }
        )
        write_parquet(places.top_tokens(self.results, MODEL.name), frame)

    def _folder(self, names: list[str]) -> None:
        from tokenizers import Tokenizer
        from tokenizers.models import Unigram
        from tokenizers.processors import TemplateProcessing

        pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
        pieces += [(f"▁piece{i}", -1.0) for i in range(PIECES - len(pieces))]
        tokenizer = Tokenizer(Unigram(pieces, 2, False))
        tokenizer.post_processor = TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
        folder = self.results / "finetune" / MODEL.name / "model"
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"))
        rows = PIECES + len(names)
        write_json(folder / "config.json", {"model_type": "t5", "vocab_size": rows})
        write_json(folder / "docids.json", {name: PIECES + i for i, name in enumerate(names)})
