"""The registry of artifacts: analyses, tables and figures.

A table is a CSV for programs and a Markdown file for people; a figure is drawn from the table of
its name.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from genir.base.names import ATTENTIONS
from genir.run import analysis_arguments as told
from genir.run import table_arguments as made_from
from genir.run.arguments import Arguments
from genir.run.kinds import Analysis, Artifact, Job
from genir.run.plan import Plan
from genir.run.results import correct_queries, stages


def jobs(plan: Plan) -> list[Job]:
    """The rules of all analyses."""
    found = []
    for analysis in ANALYSES:
        if not analysis.cut:
            found.append(Job(plan, analysis))
            continue
        for model in analysis.models(plan):
            pieces = plan.layer_chunks(model) if analysis.cut == "layers" else [None]
            found += [Job(plan, analysis, model, layers) for layers in pieces]
    return found


def tables(plan: Plan) -> list[Artifact]:
    """The tables of a configuration."""
    return [one for table in TABLES if table.wanted(plan) for one in table.of_each(plan)]


def figures(plan: Plan) -> list[Artifact]:
    """The figures of a configuration."""
    return [one for figure in FIGURES if figure.wanted(plan) for one in figure.of_each(plan)]


def summary(plan: Plan) -> Arguments:
    """What the summary is told."""
    read = "retrieval encoder_swap patching_by_stage circuit claims".split()
    return {
        "headline": plan.headline,
        "tables": made_from.table_files(*read),
        "correct": made_from.each(correct_queries, plan.models),
        "stages": made_from.each(stages, plan.models),
        "manifest": plan.data(plan.headline, "manifest"),
    }


def _figure(table: Artifact) -> Artifact:
    of_stages = table.name in ("contributions", "failed_queries")

    def drawn_from(plan: Plan, item: str = "") -> Arguments:
        more: dict[str, Any] = {}
        if of_stages:
            more["stages"] = made_from.each(stages, plan.models)
        if table.name == "series":
            more["quantity"] = plan.series[item]["quantity"]
        return {"table": Path(replace(table, item=item).file("csv")), **more}

    own = {"kind": "figure", "rule": "", "module": "", "mem_mb": 2000, "minutes": 10}
    message = f"Draw the figure of {table.label}{' {item}' if table.each else ''}."
    return replace(table, **own, message=message, arguments=drawn_from, environment="plot")


ANALYSES = (
    Analysis(
        "evaluate",
        "Rank the documents for the validation and test queries with {model}.",
        *("genir.analyses.rank_queries", "evaluate", told.evaluate, "evaluate"),
        priority=10,
    ),
    Analysis(
        "retrieve",
        "List the first documents for the validation and test queries with {model}.",
        *("genir.analyses.rank_queries", "evaluate", told.retrieve, "retrieve"),
    ),
    Analysis(
        "contributions",
        "Measure the contribution of every component of {model}.",
        *("genir.analyses.contributions", "contributions", told.simple("contributions")),
        ranks=False,
    ),
    Analysis(
        "rank_development",
        "Follow the rank of the relevant document through the layers of {model}.",
        *("genir.analyses.rank_development", "rank_development", told.simple("rank_development")),
    ),
    Analysis(
        "direct_contribution",
        "Rank by the outputs of one kind of component of {model} alone.",
        *(
            "genir.analyses.direct_contribution",
            "rank_development",
            told.simple("direct_contribution"),
        ),
    ),
    Analysis(
        "signed_contributions",
        "Measure what every component and head of {model} adds to the logit difference.",
        *(
            "genir.analyses.signed_contributions",
            "rank_development",
            told.simple("signed_contributions"),
        ),
    ),
    Analysis(
        "head_lens",
        "Read the cross-attention heads of {model} through the logit lens.",
        *("genir.analyses.head_lens", "head_lens", told.head_lens),
        minutes=120,
        ranks=False,
    ),
    Analysis(
        "communication",
        "Trace what triggers the components of {model} back to earlier ones.",
        *("genir.analyses.communication", "communication", told.simple("communication")),
        ranks=False,
    ),
    Analysis(
        "top_heads",
        "Find the heads that trigger Stage III neurons of {model}.",
        *("genir.analyses.top_heads", "top_heads", told.of_stage("top_heads")),
        ranks=False,
    ),
    Analysis(
        "late_cosines",
        "Compare late outputs of {model} with Stage I's MLPs.",
        *("genir.analyses.late_cosines", "contributions", told.of_stage("late_cosines")),
        ranks=False,
    ),
    Analysis(
        "query_words",
        "Knock every word of the correct queries of {model} out.",
        *("genir.analyses.query_words", "patch_component", told.query_words),
        minutes=120,
    ),
    Analysis(
        "encoder_swap",
        "Put other encoders before the decoder of {model}.",
        *("genir.analyses.encoder_swap", "encoder_swap", told.encoder_swap),
        cut="model",
    ),
    Analysis(
        "partial_swap",
        "Swap parts of the pre-trained encoder into {model}.",
        *("genir.analyses.partial_swap", "partial_swap", told.partial_swap),
        cut="model",
        models=lambda plan: plan.pretrained,
    ),
    Analysis(
        "drift",
        "Measure how far fine-tuning moved the weights of {model}.",
        *("genir.analyses.drift", "contributions", told.drift),
        ranks=False,
        cut="model",
        models=lambda plan: plan.started,
    ),
    Analysis(
        "donors",
        "Choose donors for the queries of {model}.",
        *("genir.analyses.donors", "evaluate", told.donors),
        cut="model",
        models=lambda plan: plan.with_donors,
    ),
    Analysis(
        "patch_component",
        "Patch every component of decoder layers {first} to {last} of {model}.",
        *("genir.analyses.patch_component", "patch_component", told.patch_component),
        minutes=120,
        cut="layers",
    ),
    Analysis(
        "patch_head",
        "Patch every attention head of decoder layers {first} to {last} of {model}.",
        *("genir.analyses.patch_head", "patch_head", told.patch_head),
        minutes=120,
        cut="layers",
    ),
    Analysis(
        "patch_stage",
        "Patch every component of {model} stage by stage.",
        *("genir.analyses.patch_stage", "patch_stage", told.patch_stage),
        minutes=120,
        cut="model",
    ),
    Analysis(
        "circuit",
        "Rank queries with the circuits of {model}.",
        *("genir.analyses.circuit_ranks", "patch_stage", told.circuit),
        minutes=120,
        cut="model",
    ),
    # Nothing reads it: it is made where it is asked for.
    Analysis(
        "circuit_model",
        "Write the circuits of {model} as models of their own.",
        *("genir.analyses.circuit_model", "evaluate", told.circuit_model, "circuit_model"),
    ),
    Analysis(
        "circuit_curve",
        "Rank queries with circuits of every size of {model}.",
        *("genir.analyses.circuit_curve", "circuit_curve", told.circuit_curve),
        minutes=120,
    ),
    Analysis(
        "patch_edge",
        "Patch every edge between components of {model}.",
        *("genir.analyses.patch_edge", "patch_edge", told.patch_edge),
        minutes=120,
        ranks=False,
    ),
    # What the study's code does without a mask is asked for by the configuration.
    Analysis(
        "as_released",
        "Compute what the study's released code does with {model}.",
        *("genir.analyses.as_released", "as_released", told.as_released),
        minutes=120,
        cut="model",
        models=lambda plan: plan.models if plan.as_released else [],
    ),
    Analysis(
        "attribution",
        "Estimate the effects of edges and heads of {model} by gradients.",
        *("genir.analyses.attribution", "patch_edge", told.attribution),
        minutes=120,
    ),
)

TABLES = (
    Artifact(
        *("retrieval", "Retrieval"),
        "Tabulate the retrieval quality of all systems.",
        made_from.retrieval,
    ),
    Artifact(
        *("retrieval_differences", "Retrieval"),
        "Compare the retrieval of the headline model with that of every other system.",
        made_from.retrieval_differences,
        drawn=False,
    ),
    Artifact("encoder_swap", "Encoder swap", "Tabulate the encoder swap.", made_from.encoder_swap),
    # Without pre-trained weights there is nothing to swap in.
    Artifact(
        *("partial_swap", "Encoder swap"),
        "Tabulate the partial encoder swaps.",
        made_from.partial_swap,
        wanted=lambda plan: bool(plan.pretrained),
    ),
    Artifact(
        *("patching", "Patching"),
        "Tabulate patching of single layers and components.",
        lambda plan: made_from.by_layer(plan, "patch_component", "methods"),
    ),
    Artifact(
        *("patching_by_stage", "Patching"),
        "Tabulate patching by stage.",
        made_from.patching_by_stage,
    ),
    Artifact(
        *("patching_heads", "Patching"),
        "Tabulate patching of single attention heads.",
        lambda plan: made_from.by_layer(plan, "patch_head", "head_methods", ATTENTIONS),
        minutes=60,
    ),
    # Only some methods take donors.
    Artifact(
        *("donors", "Patching"),
        "Tabulate the donors of every query.",
        made_from.donors,
        wanted=lambda plan: bool(plan.with_donors),
        drawn=False,
    ),
    Artifact("circuit", "Circuit", "Tabulate the circuits.", made_from.circuit),
    Artifact(
        *("circuit_curve", "Circuit"),
        "Tabulate CPR and CMD of circuits of every size.",
        made_from.circuit_curves,
        label="circuits of every size: CPR and CMD",
    ),
    Artifact(
        *("faithfulness", "Circuit"),
        "Tabulate how much circuits of every size keep.",
        made_from.circuit_curves,
        label="circuits of every size: faithfulness",
    ),
    Artifact(
        *("edges", "Edges"),
        "Tabulate what is lost without every edge.",
        lambda plan: made_from.edges(plan, "edges"),
    ),
    Artifact(
        *("edges_by_stage", "Edges"),
        "Tabulate what is lost without the edges between stages.",
        lambda plan: made_from.edges(plan, "stages"),
    ),
    Artifact(
        *("attribution", "Edges"),
        "Compare effects by gradients with exact ones.",
        made_from.attribution,
        label="attribution patching judged by exact patches",
    ),
    Artifact(
        *("contributions", "Contributions"),
        "Tabulate the contribution of every component.",
        lambda plan: made_from.analysed("contributions", plan, "seed"),
    ),
    Artifact(
        *("rank_development", "Rank development"),
        "Tabulate the rank of the relevant document layer by layer.",
        lambda plan: made_from.analysed("rank_development", plan, "seed"),
    ),
    Artifact(
        *("direct_contribution", "Contributions"),
        "Tabulate what components of one kind write alone.",
        lambda plan: {
            **made_from.analysed("direct_contribution", plan, "seed"),
            "paper_in_text": plan.paper("in_text_numbers"),
        },
    ),
    Artifact(
        *("signed_contributions", "Contributions"),
        "Tabulate what components and heads add to the logit difference.",
        lambda plan: made_from.analysed("signed_contributions", plan, "seed"),
    ),
    Artifact(
        *("docid_share", "Heads"),
        "Tabulate the share of docids among what the heads say.",
        made_from.docid_share,
    ),
    Artifact(
        *("top_tokens", "Heads"),
        "Tabulate what the heads say for a few queries.",
        made_from.top_tokens,
        drawn=False,
        environment="analysis",
    ),
    Artifact(
        *("communication", "Communication"),
        "Tabulate who triggers whom.",
        lambda plan: made_from.analysed("communication", plan, "stages", "seed"),
    ),
    Artifact(
        *("top_heads", "Heads"),
        "Tabulate how many heads trigger Stage III neurons.",
        lambda plan: made_from.analysed("top_heads", plan, "stages"),
    ),
    Artifact(
        *("late_cosines", "Communication"),
        "Tabulate the cosines of late outputs with Stage I's MLPs.",
        lambda plan: made_from.analysed("late_cosines", plan, "stages", "seed"),
    ),
    Artifact(
        *("query_words", "Query words"),
        "Tabulate what each kind of word does for a query.",
        made_from.query_words,
    ),
    Artifact(
        *("paper_comparison", "Comparison with the study"),
        "Put every number of the study beside ours.",
        made_from.paper_comparison,
        drawn=False,
        label="all numbers of the study",
        rule="paper_comparison",
        module="genir.study.paper_comparison",
        mem_mb=1000,
    ),
    # What the study's code does without a mask is asked for by the configuration.
    Artifact(
        *("as_released", "Comparison with the study"),
        "Compare what is computed with a mask with what the study's released code computes.",
        made_from.as_released,
        wanted=lambda plan: plan.as_released,
        drawn=False,
        label="as released",
        module="genir.study.as_released",
    ),
    Artifact(
        *("claims", "Comparison with the study"),
        "Judge the study's claims.",
        made_from.claims,
        drawn=False,
        module="genir.study.claims",
    ),
    Artifact(
        *("failed_queries", "Failed queries"),
        "Tabulate every analysis for answered and for failed queries.",
        made_from.failed_queries,
    ),
    Artifact(
        *("slices", "Slices"),
        "Split the measures by what training could have memorised of the queries.",
        made_from.slices,
        label="memorised or generalised",
    ),
    # Without a model that is trained more than once there is nothing to compare.
    Artifact(
        *("seeds", "Seeds"),
        "Compare trainings with several seeds.",
        made_from.seeds,
        wanted=lambda plan: bool(plan.seeds),
        drawn=False,
    ),
    # Models that differ in one quantity are named by the configuration.
    Artifact(
        *("series", "Series", "Tabulate the series {item}."),
        made_from.series,
        wanted=lambda plan: bool(plan.series),
        each=lambda plan: plan.series,
    ),
    # Words have no order.
    Artifact(
        *("series_trend", "Series", "Test the trends along the series {item}."),
        made_from.series_trend,
        wanted=lambda plan: bool(plan.ordered_series),
        drawn=False,
        each=lambda plan: plan.ordered_series,
    ),
    # Of a model that came from elsewhere the start may not be known.
    Artifact(
        *("drift", "Training"),
        "Tabulate how far fine-tuning moved the weights.",
        made_from.drift,
        wanted=lambda plan: bool(plan.started),
    ),
    # Without a trained model there are no curves.
    Artifact(
        *("training", "Training"),
        "Collect the loss curves.",
        made_from.training,
        wanted=lambda plan: bool(plan.trained),
    ),
)
FIGURES = tuple(_figure(table) for table in TABLES if table.drawn)
