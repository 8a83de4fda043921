# What components write into the logits, what heads say, and the trace of typed queries.
TRACES = {slug(text): text for text in config["trace"]["queries"]}


rule direct_contribution:
    input:
        unpack(model_analysis_files),
    output:
        "results/direct_contribution/{model}.parquet",
    log:
        "results/logs/direct_contribution/{model}.log",
    benchmark:
        "results/benchmarks/direct_contribution/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes(
            "rank_development", wildcards.model, 60
        ),
    params:
        code=code("direct_contribution", "analysis"),
        precision=config["evaluation"]["precision"],
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/direct_contribution/{model}",
    message:
        "Rank by the outputs of one kind of component of {wildcards.model} alone."
    shell:
        "python $SCRIPTS/direct_contribution.py --model {input.model}"
        " --source {params.source:q} --output {output}"
        " --limits.memory_mb {resources.mem_mb}"
        " --limits.precision {params.precision}"
        " --limits.checkpoints {params.checkpoints} 2> {log}; rm -rf {params.checkpoints}"


rule head_lens:
    input:
        unpack(model_analysis_files),
    output:
        docid_share="results/head_lens/{model}/docid_share.parquet",
        top_tokens="results/head_lens/{model}/top_tokens.parquet",
    log:
        "results/logs/head_lens/{model}.log",
    benchmark:
        "results/benchmarks/head_lens/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes("head_lens", wildcards.model, 120),
    params:
        code=code("head_lens", "analysis"),
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/head_lens/{model}",
    message:
        "Read the cross-attention heads of {wildcards.model} through the logit lens."
    shell:
        "python $SCRIPTS/head_lens.py --model {input.model} --source {params.source:q}"
        " --docid_share {output.docid_share} --top_tokens {output.top_tokens}"
        " --limits.memory_mb {resources.mem_mb}"
        " --limits.checkpoints {params.checkpoints} 2> {log}; rm -rf {params.checkpoints}"


rule trace_query:
    input:
        model=lambda wildcards: model_folder(wildcards.model),
        documents=lambda wildcards: subset(wildcards.model, "documents.parquet"),
    output:
        trace="results/trace_query/{model}/{slug}.json",
        text=report(
            "results/trace_query/{model}/{slug}.md",
            caption="../report/trace_query.rst",
            category="Traced queries",
            labels={"artifact": "{slug}", "kind": "table"},
        ),
        picture=report(
            f"results/trace_query/{{model}}/{{slug}}.{config['figures']['formats'][0]}",
            caption="../report/trace_query.rst",
            category="Traced queries",
            labels={"artifact": "{slug}", "kind": "figure"},
        ),
        others=[
            f"results/trace_query/{{model}}/{{slug}}.{kind}"
            for kind in config["figures"]["formats"][1:]
        ],
    log:
        "results/logs/trace_query/{model}/{slug}.log",
    benchmark:
        "results/benchmarks/trace_query/{model}.{slug}.tsv"
    wildcard_constraints:
        slug=one_of(TRACES),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=30,
    params:
        code=code("trace_query", "analysis"),
        query=lambda wildcards: TRACES[wildcards.slug],
        query_tokens=lambda wildcards: finetuning_settings(wildcards.model)[
            "query_tokens"
        ],
        stem=lambda wildcards, output: Path(output.trace).with_suffix(""),
        formats=as_json(config["figures"]["formats"]),
        dpi=config["figures"]["dpi"],
    message:
        "Trace the query {wildcards.slug} through {wildcards.model}."
    shell:
        "python $SCRIPTS/trace_query.py --model {input.model}"
        " --documents {input.documents} --query={params.query:q}"
        " --query_tokens {params.query_tokens} --output {params.stem}"
        " --formats {params.formats:q} --dpi {params.dpi}"
        " --memory_mb {resources.mem_mb} > {log} 2>&1"


rule trace:
    input:
        expand(
            "results/trace_query/{model}/{slug}.json",
            model=config["headline_model"],
            slug=TRACES,
        ),
    message:
        "The queries of the configuration are traced."


rule table_direct_contribution:
    input:
        files=expand("results/direct_contribution/{model}.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        paper=paper("in_text_numbers"),
        manifests=manifests(MODELS),
    output:
        table="results/table_direct_contribution/direct_contribution.csv",
        text=report(
            "results/table_direct_contribution/direct_contribution.md",
            caption="../report/table_direct_contribution.rst",
            category="Contributions",
            labels={"artifact": "direct contribution", "kind": "table"},
        ),
    log:
        "results/logs/table_direct_contribution.log",
    benchmark:
        "results/benchmarks/table_direct_contribution/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.direct_contribution"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/direct_contribution/{model}.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        seed=config["seed"],
    message:
        "Tabulate what components of one kind write alone."
    shell:
        "python $SCRIPTS/table.py direct_contribution --files {params.files:q}"
        " --clean {params.clean:q} --paper_in_text {input.paper} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_docid_share:
    input:
        files=expand("results/head_lens/{model}/docid_share.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        models=[model_folder(name) for name in MODELS],
        paper=paper("table5_docid_share"),
        manifests=manifests(MODELS),
    output:
        table="results/table_docid_share/docid_share.csv",
        text=report(
            "results/table_docid_share/docid_share.md",
            caption="../report/table_docid_share.rst",
            category="Heads",
            labels={"artifact": "docid share", "kind": "table"},
        ),
    log:
        "results/logs/table_docid_share.log",
    benchmark:
        "results/benchmarks/table_docid_share/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.docid_share"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/head_lens/{model}/docid_share.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        stages=per_model("results/stages/{model}.json"),
        models=as_json({name: model_folder(name) for name in MODELS}),
        seed=config["seed"],
    message:
        "Tabulate the share of docids among what the heads say."
    shell:
        "python $SCRIPTS/table.py docid_share --files {params.files:q}"
        " --clean {params.clean:q} --stages {params.stages:q} --models {params.models:q}"
        " --paper_share {input.paper} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_top_tokens:
    input:
        tokens=expand("results/head_lens/{model}/top_tokens.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        models=[model_folder(name) for name in MODELS],
        documents=list(dict.fromkeys(subset(m, "documents.parquet") for m in MODELS)),
        queries=list(dict.fromkeys(subset(m, "queries.parquet") for m in MODELS)),
        manifests=manifests(MODELS),
    output:
        table="results/table_top_tokens/top_tokens.csv",
        text=report(
            "results/table_top_tokens/top_tokens.md",
            caption="../report/table_top_tokens.rst",
            category="Heads",
            labels={"artifact": "top tokens", "kind": "table"},
        ),
    log:
        "results/logs/table_top_tokens.log",
    benchmark:
        "results/benchmarks/table_top_tokens/all.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "analysis", "genir.tables.top_tokens"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=as_json(
            [
                {
                    "model": name,
                    "tokens": f"results/head_lens/{name}/top_tokens.parquet",
                    "clean": f"results/evaluate/{name}/validation.ranks.parquet",
                    "stages": f"results/stages/{name}.json",
                    "folder": model_folder(name),
                    "documents": subset(name, "documents.parquet"),
                    "queries": subset(name, "queries.parquet"),
                }
                for name in MODELS
            ]
        ),
        options=options(examples=config["lens"]["examples"], seed=config["seed"]),
    message:
        "Tabulate what the heads say for a few queries."
    shell:
        "python $SCRIPTS/table.py top_tokens --files {params.files:q}"
        " {params.options} --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"
