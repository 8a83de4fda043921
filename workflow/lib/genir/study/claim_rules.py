"""The study's claims as inequalities on our numbers, judged by their 95 % interval."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import pandas as pd

from genir.base.names import COMPONENTS, STAGES
from genir.estimates.intervals import Interval, mean_interval
from genir.estimates.paired_tests import Difference, paired_difference
from genir.estimates.patch_effects import aligned
from genir.estimates.ranks import select
from genir.tables.encoder_swap import SwapModel, pooled_difference, pooled_encoders

Verdict = Literal["supported", "not supported", "undecided", "not testable"]
_WORST_FIRST: tuple[Verdict, ...] = ("not supported", "undecided", "supported")

FEW_BROKEN = 25.0
MOST_LOST_HITS = 0.25
LEAST_KEPT_HITS = 0.70
LARGE_CIRCUIT = 0.40
SIGNIFICANCE = 0.05
_NOISE = "the pre-trained encoder does not rank the correct queries better than a random one"
_STUDY_CIRCUIT = {"variant": "study", "split": "test", "metric": "hits_at_1"}
_STUDY_CIRCUIT |= {"kind": "relative", "rank_kind": "vocabulary"}


class UntestableError(Exception):
    """What a claim needs is not there; the message says what."""


@dataclass(frozen=True)
class Evidence:
    """What the claims about one model are judged by.

    clean: ranks of all validation queries in the unmodified model; patches: (method, stage,
    component) -> their ranks in the patched one; stages: supported or imposed; swap: ranks by
    encoder; direct: ranks by source; communication: query_id, doc_id, target, target_stage, source,
    source_stage, share; docid_share and circuit: the model's rows of these tables.
    """

    clean: pd.DataFrame
    patches: dict[tuple[str, str, str], pd.DataFrame]
    stages: str
    swap: SwapModel
    direct: pd.DataFrame
    communication: pd.DataFrame
    docid_share: pd.DataFrame
    circuit: pd.DataFrame
    seed: int

    @property
    def correct(self) -> pd.DataFrame:
        return self.clean[self.clean["vocabulary_rank"] == 1]

    def first(self, ranks: pd.DataFrame) -> pd.Series:
        """Whether the relevant document of each correct query has vocabulary rank 1 in `ranks`,
        by query_id."""
        own = select(ranks, self.correct["query_id"], "a file of ranks").set_index("query_id")
        return own.loc[self.correct["query_id"], "vocabulary_rank"] == 1

    def broken(self, method: str, stage: str, component: str) -> pd.Series:
        """Whether the document of each correct query is no longer first, by query_id.

        Raises UntestableError if the patch was not computed.
        """
        if (method, stage, component) not in self.patches:
            if method == "pretrained" and method not in self.swap.ranks:
                raise UntestableError("the model has no pre-trained weights")
            raise UntestableError(f"patching.methods of the config lacks {method}")
        return ~self.first(self.patches[method, stage, component])

    def documents(self, queries: pd.Index) -> pd.Series:
        return self.clean.set_index("query_id").loc[queries, "doc_id"]


@dataclass(frozen=True)
class Inequality:
    """A number and the limit it shall be above or below."""

    what: str
    interval: Interval
    limit: float
    above: bool

    @property
    def margin(self) -> float:
        """How far the interval stays away from the limit, negative if it does not."""
        low, high = self.interval.low - self.limit, self.limit - self.interval.high
        margin = low if self.above else high
        return float("-inf") if pd.isna(margin) else margin

    @property
    def verdict(self) -> Verdict:
        """supported if the whole interval fulfils it, not supported if nothing of it does."""
        if self.margin > 0:
            return "supported"
        low, high = self.interval.low, self.interval.high
        fails = high <= self.limit if self.above else low >= self.limit
        return "not supported" if fails else "undecided"


@dataclass(frozen=True)
class Claim:
    """`parts` must hold together; about_stages: its rule rests on the stages; about_pretraining:
    it says what fine-tuning changed; note: what the reader must know beside the number."""

    rule: str
    parts: Callable[[Evidence], list[Inequality]]
    about_stages: bool = False
    about_pretraining: bool = False
    note: Callable[[Evidence], str] = lambda evidence: ""


@dataclass(frozen=True)
class Judgement:
    """`stages`: where those that the claim is about come from, None if it is about none. `shown` is
    the weakest part of a claim, `p` the largest p value of its paired tests; None if there is no
    number, or no test."""

    verdict: Verdict
    stages: Literal["found", "imposed"] | None
    reason: str
    shown: Inequality | None = None
    p: float | None = None


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """The verdict of the part that holds least; not testable, though shown, if the claim is about a
    pre-training that left nothing to compare with."""
    stages, note = None, ""
    if claim.about_stages:
        stages = "found" if evidence.stages == "supported" else "imposed"
        note = "of the imposed layers" if stages == "imposed" else ""
    try:
        parts = claim.parts(evidence)
    except UntestableError as error:
        return Judgement("not testable", stages, str(error))
    shown = min(parts, key=lambda part: (_WORST_FIRST.index(part.verdict), part.margin))
    weakest = f"shown is the weakest of {len(parts)}: {shown.what}" if len(parts) > 1 else ""
    noise = claim.about_pretraining and pretraining_is_noise(evidence)
    reasons = [_NOISE if noise else "", note, weakest, claim.note(evidence)]
    reason = "; ".join(filter(None, reasons))
    if noise:
        return Judgement("not testable", stages, reason, shown)
    tests = [part.interval.p for part in parts if isinstance(part.interval, Difference)]
    return Judgement(shown.verdict, stages, reason, shown, max(tests, default=None))


def pretraining_is_noise(evidence: Evidence) -> bool:
    """Whether the pre-trained encoder, where there is one, ranks the correct queries no better than
    a random one: paired test of the reciprocal ranks, p < 0.05."""
    if "pretrained" not in evidence.swap.ranks:
        return False
    pretrained, floor = (
        select(evidence.swap.ranks[name], evidence.correct["query_id"], f"encoder {name}")
        for name in ("pretrained", "random")
    )
    pretrained, floor = aligned(pretrained, floor)
    difference = paired_difference(
        1 / pretrained["vocabulary_rank"],
        1 / floor["vocabulary_rank"],
        pretrained["doc_id"],
        evidence.seed,
    )
    return difference.value <= 0 or difference.p >= SIGNIFICANCE


def _self_attention_removable(evidence: Evidence) -> list[Inequality]:
    return [_few_broken("all layers", evidence, "zero", "all", "self_attention")]


def _stage_one_mlps_query_agnostic(evidence: Evidence) -> list[Inequality]:
    cells = [evidence.broken(method, "I", "mlp") for method in ("zero", "mean")]
    return [
        _few_broken("percent broken by the mean", evidence, "mean", "I", "mlp"),
        _larger("zero minus mean", *cells, evidence, 100),
    ]


def _cross_attention_bridges(evidence: Evidence) -> list[Inequality]:
    return [
        _larger(
            f"Stage {stage}",
            evidence.broken("mean", stage, "cross_attention"),
            evidence.broken("mean", stage, "self_attention"),
            evidence,
            100,
        )
        for stage in ("II", "III")
    ]


def _stage_three_mlps_adapted_most(evidence: Evidence) -> list[Inequality]:
    cells = product(STAGES, COMPONENTS)
    broken = {cell: evidence.broken("pretrained", *cell) for cell in cells}
    own = broken.pop(("III", "mlp"))
    return [
        _larger(f"minus {component} of Stage {stage}", own, other, evidence, 100)
        for (stage, component), other in broken.items()
    ]


def _one_third_suffices(evidence: Evidence) -> list[Inequality]:
    row = _circuit_row(evidence)
    interval = Interval(row["value"], row["low"], row["high"], int(row["n"]))
    return [Inequality("circuit", interval, LEAST_KEPT_HITS, above=True)]


def _circuit_note(evidence: Evidence) -> str:
    row = _circuit_row(evidence)
    share = row["active"] / row["components"]
    kept = f"the circuit keeps {row['active']:.0f} of {row['components']:.0f} components"
    large = f", more than {100 * LARGE_CIRCUIT:.0f} %, not a third" if share > LARGE_CIRCUIT else ""
    return kept + large


def _circuit_row(evidence: Evidence) -> pd.Series:
    rows = evidence.circuit
    chosen = rows[(rows[list(_STUDY_CIRCUIT)] == pd.Series(_STUDY_CIRCUIT)).all(axis=1)]
    return chosen.iloc[0]


def _decoder_retrieves(evidence: Evidence) -> list[Inequality]:
    if not pooled_encoders(evidence.swap):
        raise UntestableError("the model has no reduced models")
    difference = pooled_difference(evidence.swap, "vocabulary", evidence.seed)
    return [Inequality("control minus removed", difference, MOST_LOST_HITS, above=False)]


def _heads_speak_words(evidence: Evidence) -> list[Inequality]:
    return [
        Inequality(
            f"top {row.top}", Interval(row.value, row.low, row.high, row.n), row.base_rate, False
        )
        for row in _docid_share_rows(evidence).itertuples()
    ]


def _base_rate_note(evidence: Evidence) -> str:
    return f"docids are {_docid_share_rows(evidence)['base_rate'].iloc[0]:.3g} % of the vocabulary"


def _docid_share_rows(evidence: Evidence) -> pd.DataFrame:
    rows = evidence.docid_share
    return rows[(rows["queries"] == "correct") & (rows["unit"] == "head") & (rows["stage"] == "II")]


def _mlps_write_ranking(evidence: Evidence) -> list[Inequality]:
    mlp, cross_attention = (
        evidence.first(evidence.direct[evidence.direct["source"] == source])
        for source in ("mlp", "cross_attention")
    )
    return [_larger("MLPs minus cross-attentions", mlp, cross_attention, evidence, 100)]


def _stage_one_primes_stage_two(evidence: Evidence) -> list[Inequality]:
    return _largest_source(evidence, ("cross_attention", "II"), "mlp", by_stage=True)


def _stage_two_feeds_stage_three(evidence: Evidence) -> list[Inequality]:
    return _largest_source(evidence, ("mlp", "III"), "cross_attention", by_stage=False)


def _largest_source(
    evidence: Evidence, target: tuple[str, str], source: str, by_stage: bool
) -> list[Inequality]:
    """`source`, of Stage I if `by_stage`, minus each other source of `target`."""
    rows = evidence.communication
    rows = rows[(rows["target"] == target[0]) & (rows["target_stage"] == target[1])]
    rows = rows[rows["query_id"].isin(evidence.correct["query_id"])]
    summed = rows["source_stage"] == "all"
    rows = rows[~summed | (rows["source"] == "embedding")] if by_stage else rows[summed]
    shares = rows.pivot_table(
        index="query_id", columns=["source", "source_stage"], values="share", sort=False
    ).dropna()
    own = shares.pop((source, "I" if by_stage else "all"))
    return [
        _larger(f"minus {name}{_of_stage(stage)}", own, shares[name, stage], evidence, 1)
        for name, stage in shares.columns
    ]


def _of_stage(stage: str) -> str:
    return "" if stage == "all" else f" of Stage {stage}"


def _few_broken(
    what: str, evidence: Evidence, method: str, stage: str, component: str
) -> Inequality:
    broken = evidence.broken(method, stage, component)
    documents = evidence.documents(broken.index)
    interval = mean_interval(broken, documents, evidence.seed).times(100)
    return Inequality(what, interval, FEW_BROKEN, above=False)


def _larger(what: str, a: pd.Series, b: pd.Series, evidence: Evidence, scale: float) -> Inequality:
    """The mean of `a - b`, paired by query, is above 0."""
    documents = evidence.documents(a.index)
    difference = paired_difference(a, b.loc[a.index], documents, evidence.seed)
    return Inequality(what, _scaled(difference, scale), 0.0, above=True)


def _scaled(difference: Difference, scale: float) -> Difference:
    bounds = {name: scale * getattr(difference, name) for name in ("value", "low", "high")}
    return replace(difference, **bounds)


CLAIMS = {
    "self_attention_removable": Claim(
        f"zero in place of self-attention in all layers: under {FEW_BROKEN:.0f} % of correct "
        "queries no longer first",
        _self_attention_removable,
    ),
    "stage_one_mlps_query_agnostic": Claim(
        f"the mean in place of Stage I MLPs: under {FEW_BROKEN:.0f} % of correct queries no longer "
        "first, and fewer than with zero (paired, points)",
        _stage_one_mlps_query_agnostic,
        about_stages=True,
    ),
    "cross_attention_bridges": Claim(
        "mean patching breaks more correct queries in cross-attention than in self-attention, in "
        "Stage II and in Stage III (paired, points)",
        _cross_attention_bridges,
        about_stages=True,
    ),
    "stage_three_mlps_adapted_most": Claim(
        "the pre-trained model's Stage III MLPs break more correct queries than its components in "
        "each of the eight other cells (paired, points)",
        _stage_three_mlps_adapted_most,
        about_stages=True,
        about_pretraining=True,
    ),
    "one_third_suffices": Claim(
        f"circuit of the study: Hits@1 on the test queries over the whole model's above "
        f"{LEAST_KEPT_HITS:.2f}",
        _one_third_suffices,
        about_stages=True,
        note=_circuit_note,
    ),
    "decoder_retrieves": Claim(
        "encoder swap: Hits@1 on documents the encoder has seen minus documents it has not below "
        f"{MOST_LOST_HITS:.2f} (paired)",
        _decoder_retrieves,
    ),
    "heads_speak_words": Claim(
        "Stage II cross-attention heads: docids among the top 10, 100 and 1000 tokens, in percent, "
        "below their share of the vocabulary",
        _heads_speak_words,
        about_stages=True,
        note=_base_rate_note,
    ),
    "mlps_write_ranking": Claim(
        "MLP outputs alone put more correct queries' documents first than cross-attention outputs "
        "alone (paired, points)",
        _mlps_write_ranking,
    ),
    "stage_one_primes_stage_two": Claim(
        "Stage I MLPs have a larger share in what triggers Stage II cross-attention than every "
        "other kind of component of either stage (paired)",
        _stage_one_primes_stage_two,
        about_stages=True,
    ),
    "stage_two_feeds_stage_three": Claim(
        "cross-attention has a larger share in what triggers Stage III MLPs than every other kind "
        "of component (paired)",
        _stage_two_feeds_stage_three,
        about_stages=True,
    ),
}
