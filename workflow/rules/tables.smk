# Every table is a CSV for programs and a Markdown file for people. The files of all models come in as
# JSON arguments: what a file holds is said by its name, never by its place in a list.


rule table_retrieval:
    input:
        files=RETRIEVAL_METRICS,
        paper=paper("table1_retrieval"),
        manifests=manifests(MODELS),
    output:
        table="results/table_retrieval/retrieval.csv",
        text=report(
            "results/table_retrieval/retrieval.md",
            caption="../report/table_retrieval.rst",
            category="Retrieval",
            labels={"artifact": "retrieval", "kind": "table"},
        ),
    log:
        "results/logs/table_retrieval.log",
    benchmark:
        "results/benchmarks/table_retrieval/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.retrieval"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=lambda wildcards, input: as_json(list(input.files)),
    message:
        "Tabulate the retrieval quality of all systems."
    shell:
        "python $SCRIPTS/table.py retrieval --files {params.files:q} --paper {input.paper}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_retrieval_differences:
    input:
        runs=[path for runs in compared_runs().values() for path in runs.values()],
        qrels=[
            subset(config["headline_model"], f"qrels.{split}.txt")
            for split in EVALUATED
        ],
        queries=subset(config["headline_model"], "queries.parquet"),
        manifest=subset(config["headline_model"], "manifest.json"),
    output:
        table="results/table_retrieval_differences/retrieval_differences.csv",
        text=report(
            "results/table_retrieval_differences/retrieval_differences.md",
            caption="../report/table_retrieval_differences.rst",
            category="Retrieval",
            labels={"artifact": "retrieval differences", "kind": "table"},
        ),
    log:
        "results/logs/table_retrieval_differences.log",
    benchmark:
        "results/benchmarks/table_retrieval_differences/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.retrieval_differences"),
        manifests=lambda wildcards, input: as_json([input.manifest]),
        model=config["headline_model"],
        splits=lambda wildcards, input: as_json(
            [
                {"split": split, "qrels": qrels, "runs": compared_runs()[split]}
                for split, qrels in zip(EVALUATED, input.qrels)
            ]
        ),
        seed=config["seed"],
    message:
        "Compare the retrieval of the headline model with that of every other system."
    shell:
        "python $SCRIPTS/table.py retrieval_differences --model {params.model}"
        " --splits {params.splits:q} --queries {input.queries} --manifests {params.manifests:q}"
        " --seed {params.seed} --table {output.table} --text {output.text} 2> {log}"


rule table_encoder_swap:
    input:
        files=[
            f"results/encoder_swap/{m}/{e}.parquet"
            for m in MODELS
            for e in encoders(m)
        ],
        correct=expand("results/correct_queries/{model}.csv", model=MODELS),
        removed=expand("results/removed_documents/{model}.csv", model=WITH_REDUCED),
        paper_swap=paper("table2_encoder_swap"),
        paper_in_text=paper("in_text_numbers"),
        manifests=manifests(MODELS),
    output:
        table="results/table_encoder_swap/encoder_swap.csv",
        text=report(
            "results/table_encoder_swap/encoder_swap.md",
            caption="../report/table_encoder_swap.rst",
            category="Encoder swap",
            labels={"artifact": "encoder swap", "kind": "table"},
        ),
    log:
        "results/logs/table_encoder_swap.log",
    benchmark:
        "results/benchmarks/table_encoder_swap/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.encoder_swap"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=as_json(
            [
                {
                    "model": name,
                    "encoder": encoder,
                    "path": f"results/encoder_swap/{name}/{encoder}.parquet",
                }
                for name in MODELS
                for encoder in encoders(name)
            ]
        ),
        correct=per_model("results/correct_queries/{model}.csv"),
        removed=per_model("results/removed_documents/{model}.csv", WITH_REDUCED),
        seed=config["seed"],
    message:
        "Tabulate the encoder swap."
    shell:
        "python $SCRIPTS/table.py encoder_swap --files {params.files:q}"
        " --correct {params.correct:q} --removed {params.removed:q} --paper_swap {input.paper_swap}"
        " --paper_in_text {input.paper_in_text} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


# Without pre-trained weights there is nothing to swap in.
if PRETRAINED:

    rule table_partial_swap:
        input:
            files=[
                f"results/partial_swap/{m}/{p}.parquet"
                for m in PRETRAINED
                for p in encoder_parts(m)
            ],
            correct=expand("results/correct_queries/{model}.csv", model=PRETRAINED),
            manifests=manifests(PRETRAINED),
        output:
            table="results/table_partial_swap/partial_swap.csv",
            text=report(
                "results/table_partial_swap/partial_swap.md",
                caption="../report/table_partial_swap.rst",
                category="Encoder swap",
                labels={"artifact": "partial swap", "kind": "table"},
            ),
        log:
            "results/logs/table_partial_swap.log",
        benchmark:
            "results/benchmarks/table_partial_swap/all.tsv"
        conda:
            environment("plot")
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=10,
        params:
            code=code("table", "plot", "genir.tables.partial_swap"),
            manifests=lambda wildcards, input: as_json(list(input.manifests)),
            files=as_json(
                [
                    {
                        "model": name,
                        "part": part,
                        "path": f"results/partial_swap/{name}/{part}.parquet",
                    }
                    for name in PRETRAINED
                    for part in encoder_parts(name)
                ]
            ),
            correct=per_model("results/correct_queries/{model}.csv", PRETRAINED),
            seed=config["seed"],
        message:
            "Tabulate the partial encoder swaps."
        shell:
            "python $SCRIPTS/table.py partial_swap --files {params.files:q}"
            " --correct {params.correct:q} --seed {params.seed}"
            " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
            " 2> {log}"


rule table_patching:
    input:
        files=[f for m in MODELS for f in component_patch_files(m, decoder_layers(m))],
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_patching/patching.csv",
        text=report(
            "results/table_patching/patching.md",
            caption="../report/table_patching.rst",
            category="Patching",
            labels={"artifact": "patching", "kind": "table"},
        ),
    log:
        "results/logs/table_patching.log",
    benchmark:
        "results/benchmarks/table_patching/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.patching"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        sweeps=as_json(
            [
                {
                    "model": name,
                    "folder": f"results/patch_component/{name}",
                    "methods": methods(name),
                    "layers": len(decoder_layers(name)),
                }
                for name in MODELS
            ]
        ),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        seed=config["seed"],
    message:
        "Tabulate patching of single layers and components."
    shell:
        "python $SCRIPTS/table.py patching --sweeps {params.sweeps:q}"
        " --clean {params.clean:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_patching_heads:
    input:
        files=[f for m in MODELS for f in head_patch_files(m, decoder_layers(m))],
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_patching_heads/patching_heads.csv",
        text=report(
            "results/table_patching_heads/patching_heads.md",
            caption="../report/table_patching_heads.rst",
            category="Patching",
            labels={"artifact": "patching heads", "kind": "table"},
        ),
    log:
        "results/logs/table_patching_heads.log",
    benchmark:
        "results/benchmarks/table_patching_heads/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        code=code("table", "plot", "genir.tables.patching_heads"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        sweeps=as_json(
            [
                {
                    "model": name,
                    "folder": f"results/patch_head/{name}",
                    "methods": methods(name, "head_methods"),
                    "layers": len(decoder_layers(name)),
                }
                for name in MODELS
            ]
        ),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        seed=config["seed"],
    message:
        "Tabulate patching of single attention heads."
    shell:
        "python $SCRIPTS/table.py patching_heads --sweeps {params.sweeps:q}"
        " --clean {params.clean:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_circuit:
    input:
        automatic=expand("results/circuit/{model}/automatic.json", model=MODELS),
        ranks=[f for m in MODELS for f in circuit_files(m)],
        clean=expand(
            "results/evaluate/{model}/{split}.ranks.parquet",
            model=MODELS,
            split=EVALUATED,
        ),
        stages=expand("results/stages/{model}.json", model=MODELS),
        paper=paper("table4_circuit"),
        manifests=manifests(MODELS),
    output:
        table="results/table_circuit/circuit.csv",
        text=report(
            "results/table_circuit/circuit.md",
            caption="../report/table_circuit.rst",
            category="Circuit",
            labels={"artifact": "circuit", "kind": "table"},
        ),
    log:
        "results/logs/table_circuit.log",
    benchmark:
        "results/benchmarks/table_circuit/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.circuit"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=as_json(
            [
                {
                    "model": name,
                    "variants": circuit_variants(name),
                    "folder": f"results/circuit/{name}",
                    "evaluated": f"results/evaluate/{name}",
                    "stages": f"results/stages/{name}.json",
                }
                for name in MODELS
            ]
        ),
        seed=config["seed"],
    message:
        "Tabulate the circuits."
    shell:
        "python $SCRIPTS/table.py circuit --files {params.files:q}"
        " --paper_circuit {input.paper} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_patching_by_stage:
    input:
        files=[f for m in MODELS for f in stage_patch_files(m)],
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        paper=paper("table3_stage_patching"),
        manifests=manifests(MODELS),
    output:
        table="results/table_patching_by_stage/patching_by_stage.csv",
        text=report(
            "results/table_patching_by_stage/patching_by_stage.md",
            caption="../report/table_patching_by_stage.rst",
            category="Patching",
            labels={"artifact": "patching by stage", "kind": "table"},
        ),
    log:
        "results/logs/table_patching_by_stage.log",
    benchmark:
        "results/benchmarks/table_patching_by_stage/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.patching_by_stage"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        sweeps=as_json(
            [
                {
                    "model": name,
                    "folder": f"results/patch_stage/{name}",
                    "methods": methods(name),
                }
                for name in MODELS
            ]
        ),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        stages=per_model("results/stages/{model}.json"),
        seed=config["seed"],
    message:
        "Tabulate patching by stage."
    shell:
        "python $SCRIPTS/table.py patching_by_stage --sweeps {params.sweeps:q}"
        " --clean {params.clean:q} --stages {params.stages:q} --paper_patching {input.paper}"
        " --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_contributions:
    input:
        files=expand("results/contributions/{model}.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_contributions/contributions.csv",
        text=report(
            "results/table_contributions/contributions.md",
            caption="../report/table_contributions.rst",
            category="Contributions",
            labels={"artifact": "contributions", "kind": "table"},
        ),
    log:
        "results/logs/table_contributions.log",
    benchmark:
        "results/benchmarks/table_contributions/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.contributions"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/contributions/{model}.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        seed=config["seed"],
    message:
        "Tabulate the contribution of every component."
    shell:
        "python $SCRIPTS/table.py contributions --files {params.files:q}"
        " --clean {params.clean:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_rank_development:
    input:
        files=expand("results/rank_development/{model}.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_rank_development/rank_development.csv",
        text=report(
            "results/table_rank_development/rank_development.md",
            caption="../report/table_rank_development.rst",
            category="Rank development",
            labels={"artifact": "rank development", "kind": "table"},
        ),
    log:
        "results/logs/table_rank_development.log",
    benchmark:
        "results/benchmarks/table_rank_development/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.rank_development"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/rank_development/{model}.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        seed=config["seed"],
    message:
        "Tabulate the rank of the relevant document layer by layer."
    shell:
        "python $SCRIPTS/table.py rank_development --files {params.files:q}"
        " --clean {params.clean:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


# Without a trained model there are no curves.
if TRAINED:

    rule table_training:
        input:
            files=[curve_file(name) for name in TRAINED + REDUCED],
            manifests=manifests(TRAINED),
        output:
            table="results/table_training/training.csv",
            text=report(
                "results/table_training/training.md",
                caption="../report/table_training.rst",
                category="Training",
                labels={"artifact": "training", "kind": "table"},
            ),
        log:
            "results/logs/table_training.log",
        benchmark:
            "results/benchmarks/table_training/all.tsv"
        conda:
            environment("plot")
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=10,
        params:
            code=code("table", "plot", "genir.tables.training"),
            manifests=lambda wildcards, input: as_json(list(input.manifests)),
            files=as_json(
                [
                    {"model": name, "path": curve_file(name)}
                    for name in TRAINED + REDUCED
                ]
            ),
        message:
            "Collect the loss curves."
        shell:
            "python $SCRIPTS/table.py training --files {params.files:q}"
            " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
            " 2> {log}"


rule summary:
    input:
        retrieval=rules.table_retrieval.output.table,
        encoder_swap=rules.table_encoder_swap.output.table,
        patching_by_stage=rules.table_patching_by_stage.output.table,
        circuit=rules.table_circuit.output.table,
        claims=rules.table_claims.output.table,
        correct=expand("results/correct_queries/{model}.csv", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        manifest=subset(config["headline_model"], "manifest.json"),
    output:
        "results/summary.json",
    log:
        "results/logs/summary.log",
    benchmark:
        "results/benchmarks/summary/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("summary", "plot"),
        headline=config["headline_model"],
        correct=per_model("results/correct_queries/{model}.csv"),
        stages=per_model("results/stages/{model}.json"),
    message:
        "Write the headline numbers into results/summary.json."
    shell:
        "python $SCRIPTS/summary.py --headline {params.headline}"
        " --tables.retrieval {input.retrieval} --tables.encoder_swap {input.encoder_swap}"
        " --tables.patching_by_stage {input.patching_by_stage} --tables.circuit {input.circuit}"
        " --tables.claims {input.claims}"
        " --correct {params.correct:q}"
        " --stages {params.stages:q} --manifest {input.manifest} --output {output} 2> {log}"


rule analyses:
    input:
        rules.table_retrieval.output,
        rules.table_retrieval_differences.output,
        rules.table_encoder_swap.output,
        rules.table_partial_swap.output if PRETRAINED else [],
        rules.table_patching.output,
        rules.table_patching_by_stage.output,
        rules.table_patching_heads.output,
        rules.table_circuit.output,
        rules.table_contributions.output,
        rules.table_rank_development.output,
        rules.table_direct_contribution.output,
        rules.table_docid_share.output,
        rules.table_top_tokens.output,
        rules.table_communication.output,
        rules.table_top_heads.output,
        rules.table_late_cosines.output,
        rules.trace.input,
        rules.paper_comparison.output,
        rules.table_claims.output,
        rules.table_failed_queries.output,
        rules.table_seeds.output if SEEDS else [],
        rules.table_training.output if TRAINED else [],
        rules.summary.output,
        expand(rules.verify_engine.output, model=ORIGINAL),
    message:
        "All analyses and their tables are there."
