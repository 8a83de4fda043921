# Tables made of tables: the study beside us, its claims, failed queries, trainings with other seeds.
STUDY_MODELS = config_model.study_models(config)
SEEDS = {
    name: config["models"][name]["seeds"]
    for name in MODELS
    if "seeds" in config["models"][name]
}
SEED_TABLES = (
    "retrieval patching_by_stage contributions direct_contribution communication"
    " docid_share circuit"
).split()
VIEW_TABLES = "contributions rank_development docid_share communication".split()
PAPER_TABLES = (
    "encoder_swap patching_by_stage circuit docid_share direct_contribution top_heads"
    " late_cosines"
).split()


rule paper_comparison:
    input:
        **tables_of(PAPER_TABLES),
        paper=[paper(name) for name in PAPER],
        stages=[f"results/stages/{name}.json" for name in STUDY_MODELS.values()],
        manifests=manifests(STUDY_MODELS.values()),
    output:
        table="results/paper_comparison/paper_comparison.csv",
        text=report(
            "results/paper_comparison/paper_comparison.md",
            caption="../report/paper_comparison.rst",
            category="Comparison with the study",
            labels={"artifact": "all numbers of the study", "kind": "table"},
        ),
    log:
        "results/logs/paper_comparison.log",
    benchmark:
        "results/benchmarks/paper_comparison/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.paper_comparison"),
        published=lambda wildcards, input: Path(input.paper[0]).parent,
        tables=as_json(tables_of(PAPER_TABLES)),
        models=as_json(
            [
                {
                    "dataset": dataset,
                    "model": name,
                    "manifest": subset(name, "manifest.json"),
                    "stages": f"results/stages/{name}.json",
                }
                for dataset, name in STUDY_MODELS.items()
            ]
        ),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
    message:
        "Put every number of the study beside ours."
    shell:
        "python $SCRIPTS/table.py paper_comparison --published {params.published}"
        " --tables {params.tables:q} --models {params.models:q}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_claims:
    input:
        **tables_of(["docid_share", "circuit"]),
        files=[path for m in ORIGINAL for path in claim_files(m).values()],
        patches=[path for m in ORIGINAL for path in stage_patch_files(m)],
        swaps=[
            f"results/encoder_swap/{m}/{e}.parquet"
            for m in ORIGINAL
            for e in encoders(m)
        ],
        manifests=manifests(ORIGINAL),
    output:
        table="results/table_claims/claims.csv",
        text=report(
            "results/table_claims/claims.md",
            caption="../report/table_claims.rst",
            category="Comparison with the study",
            labels={"artifact": "claims", "kind": "table"},
        ),
    log:
        "results/logs/table_claims.log",
    benchmark:
        "results/benchmarks/table_claims/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.claims"),
        files=as_json(
            [
                {"model": name, "encoder_swap": f"results/encoder_swap/{name}"}
                | {"encoders": list(encoders(name))}
                | claim_files(name)
                | patched(name)
                for name in ORIGINAL
            ]
        ),
        seed=config["seed"],
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
    message:
        "Judge the study's claims."
    shell:
        "python $SCRIPTS/table.py claims --files {params.files:q}"
        " --docid_share {input.docid_share} --circuit {input.circuit} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_failed_queries:
    input:
        **tables_of(VIEW_TABLES),
        files=[path for m in ORIGINAL for path in rank_files(m).values()],
        patches=[path for m in ORIGINAL for path in stage_patch_files(m)],
        manifests=manifests(ORIGINAL),
    output:
        table="results/table_failed_queries/failed_queries.csv",
        text=report(
            "results/table_failed_queries/failed_queries.md",
            caption="../report/table_failed_queries.rst",
            category="Failed queries",
            labels={"artifact": "failed queries", "kind": "table"},
        ),
    log:
        "results/logs/table_failed_queries.log",
    benchmark:
        "results/benchmarks/table_failed_queries/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.failed_queries"),
        tables=as_json(tables_of(VIEW_TABLES)),
        files=as_json(
            [{"model": name} | rank_files(name) | patched(name) for name in ORIGINAL]
        ),
        seed=config["seed"],
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
    message:
        "Tabulate every analysis for answered and for failed queries."
    shell:
        "python $SCRIPTS/table.py failed_queries --tables {params.tables:q}"
        " --files {params.files:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


# Without a model that is trained more than once there is nothing to compare.
if SEEDS:

    rule table_seeds:
        input:
            **tables_of(SEED_TABLES),
            manifests=manifests(SEEDS),
        output:
            table="results/table_seeds/seeds.csv",
            text=report(
                "results/table_seeds/seeds.md",
                caption="../report/table_seeds.rst",
                category="Seeds",
                labels={"artifact": "seeds", "kind": "table"},
            ),
        log:
            "results/logs/table_seeds.log",
        benchmark:
            "results/benchmarks/table_seeds/all.tsv"
        conda:
            environment("plot")
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=10,
        params:
            code=code("table", "plot", "genir.tables.seeds"),
            tables=as_json(tables_of(SEED_TABLES)),
            seeds=as_json(SEEDS),
            manifests=lambda wildcards, input: as_json(list(input.manifests)),
        message:
            "Compare trainings with several seeds."
        shell:
            "python $SCRIPTS/table.py seeds --tables {params.tables:q}"
            " --seeds {params.seeds:q} --manifests {params.manifests:q}"
            " --table {output.table} --text {output.text} 2> {log}"
