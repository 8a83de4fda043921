# Two rules, so that another depth of the runs retrains no reduced model: their documents are drawn by
# the ranks.
rule evaluate:
    input:
        unpack(evaluation_files),
    output:
        ranks=expand(
            "results/evaluate/{{trained}}/{split}.ranks.parquet", split=EVALUATED
        ),
    log:
        "results/logs/evaluate/{trained}.log",
    benchmark:
        "results/benchmarks/evaluate/{trained}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.trained)),
        runtime=lambda wildcards: analysis_minutes("evaluate", wildcards.trained, 60),
    params:
        code=code("evaluate", "analysis"),
        precision=config["evaluation"]["precision"],
        sources=lambda wildcards: evaluated_sources(wildcards.trained),
        ranks=lambda wildcards, output: as_json(list(output.ranks)),
        checkpoints="results/checkpoints/evaluate/{trained}",
    message:
        "Rank the documents for the validation and test queries with {wildcards.trained}."
    shell:
        'python "$SCRIPTS/evaluate.py" --model {input.model:q} --sources {params.sources:q}'
        " --ranks {params.ranks:q} --limits.memory_mb {resources.mem_mb:q}"
        " --limits.precision {params.precision:q}"
        " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"


rule retrieve:
    input:
        unpack(evaluation_files),
    output:
        runs=expand("results/retrieve/{{trained}}/{split}.run", split=EVALUATED),
    log:
        "results/logs/retrieve/{trained}.log",
    benchmark:
        "results/benchmarks/retrieve/{trained}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.trained)),
        runtime=lambda wildcards: analysis_minutes("evaluate", wildcards.trained, 60),
    params:
        code=code("retrieve", "analysis"),
        precision=config["evaluation"]["precision"],
        sources=lambda wildcards: evaluated_sources(wildcards.trained),
        runs=lambda wildcards, output: as_json(list(output.runs)),
        depth=config["evaluation"]["run_depth"],
        checkpoints="results/checkpoints/retrieve/{trained}",
    message:
        "List the first documents for the validation and test queries with {wildcards.trained}."
    shell:
        'python "$SCRIPTS/retrieve.py" --model {input.model:q} --sources {params.sources:q}'
        " --runs {params.runs:q} --depth {params.depth:q} --tag {wildcards.trained:q}"
        " --limits.memory_mb {resources.mem_mb:q} --limits.precision {params.precision:q}"
        " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"


rule bm25:
    input:
        documents="results/subset_corpus/{dataset}/documents.parquet",
        queries="results/subset_corpus/{dataset}/queries.parquet",
        train_qrels="results/subset_corpus/{dataset}/qrels.train.txt",
    output:
        runs=expand("results/bm25/{{dataset}}/{{variant}}/{split}.run", split=EVALUATED),
    log:
        "results/logs/bm25/{dataset}-{variant}.log",
    benchmark:
        "results/benchmarks/bm25/{dataset}-{variant}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: corpus_memory(wildcards.dataset)),
        runtime=60,
    params:
        code=code("bm25", "data"),
        depth=config["evaluation"]["run_depth"],
    message:
        "Rank the documents of {wildcards.dataset} with the baseline {wildcards.variant}."
    shell:
        'python "$SCRIPTS/bm25.py" --documents {input.documents:q} --queries {input.queries:q}'
        " --train_qrels {input.train_qrels:q} --variant {wildcards.variant:q}"
        " --depth {params.depth:q} --validation_run {output.runs[0]:q}"
        " --test_run {output.runs[1]:q} 2> {log:q}"


rule retrieval_metrics:
    input:
        runs=system_runs,
        queries="results/subset_corpus/{dataset}/queries.parquet",
        qrels=expand(
            "results/subset_corpus/{{dataset}}/qrels.{split}.txt", split=EVALUATED
        ),
    output:
        "results/retrieval_metrics/{dataset}/{system}.csv",
    log:
        "results/logs/retrieval_metrics/{dataset}-{system}.log",
    benchmark:
        "results/benchmarks/retrieval_metrics/{dataset}-{system}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("retrieval_metrics", "data"),
        split_mode=lambda wildcards: config["datasets"][wildcards.dataset]["split"],
    message:
        "Compute the retrieval metrics of {wildcards.system} on {wildcards.dataset}."
    shell:
        'python "$SCRIPTS/retrieval_metrics.py" --system {wildcards.system:q}'
        " --dataset {wildcards.dataset:q} --split_mode {params.split_mode:q}"
        " --validation_run {input.runs[0]:q} --validation_qrels {input.qrels[0]:q}"
        " --test_run {input.runs[1]:q} --test_qrels {input.qrels[1]:q}"
        " --queries {input.queries:q} --output {output:q} 2> {log:q}"


rule correct_queries:
    input:
        ranks="results/evaluate/{model}/validation.ranks.parquet",
    output:
        "results/correct_queries/{model}.csv",
    log:
        "results/logs/correct_queries/{model}.log",
    benchmark:
        "results/benchmarks/correct_queries/{model}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("correct_queries", "data"),
    message:
        "List the queries that {wildcards.model} answers correctly."
    shell:
        'python "$SCRIPTS/correct_queries.py" --ranks {input.ranks:q} --output {output:q} 2> {log:q}'
