# Every figure is drawn from the table of the same name.
FIGURES = {
    "retrieval": "Retrieval",
    "encoder_swap": "Encoder swap",
    "partial_swap": "Encoder swap",
    "patching": "Patching",
    "patching_by_stage": "Patching",
    "patching_heads": "Patching",
    "circuit": "Circuit",
    "contributions": "Contributions",
    "rank_development": "Rank development",
    "direct_contribution": "Contributions",
    "docid_share": "Heads",
    "communication": "Communication",
    "top_heads": "Heads",
    "late_cosines": "Communication",
    "failed_queries": "Failed queries",
    "training": "Training",
}
if not PRETRAINED:
    del FIGURES["partial_swap"]
if not TRAINED:
    del FIGURES["training"]
OF_STAGES = ("contributions", "failed_queries")
FORMATS = config["figures"]["formats"]

for figure, category in FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            table=f"results/table_{figure}/{figure}.csv",
            stages=expand(
                "results/stages/{model}.json",
                model=MODELS if figure in OF_STAGES else [],
            ),
        output:
            picture=report(
                f"results/figure_{figure}/{figure}.{FORMATS[0]}",
                caption=f"../report/figure_{figure}.rst",
                category=category,
                labels={"artifact": figure.replace("_", " "), "kind": "figure"},
            ),
            others=[f"results/figure_{figure}/{figure}.{kind}" for kind in FORMATS[1:]],
        log:
            f"results/logs/figure_{figure}.log",
        benchmark:
            f"results/benchmarks/figure_{figure}/all.tsv"
        conda:
            environment("plot")
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=10,
        params:
            code=code("figure", "plot", f"genir.figures.{figure}"),
            name=figure,
            stages=(
                f"--stages '{per_model('results/stages/{model}.json')}'"
                if figure in OF_STAGES
                else ""
            ),
            stem=lambda wildcards, output: Path(output.picture).with_suffix(""),
            formats=as_json(FORMATS),
            dpi=config["figures"]["dpi"],
        message:
            f"Draw the figure of {figure.replace('_', ' ')}."
        shell:
            "python $SCRIPTS/figure.py {params.name} --table {input.table} {params.stages}"
            " --stem {params.stem} --formats {params.formats:q} --dpi {params.dpi} 2> {log}"


rule figures:
    input:
        rules.analyses.input,
        [f"results/figure_{name}/{name}.{kind}" for name in FIGURES for kind in FORMATS],
    message:
        "All tables and figures are there."
