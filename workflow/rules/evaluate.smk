# Baselines, and retrieval metrics of all that retrieves.
rule bm25:
    input:
        documents=str(results.dataset_file("{dataset}", "documents")),
        queries=str(results.dataset_file("{dataset}", "queries")),
        train_qrels=str(results.dataset_file("{dataset}", "train")),
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
        mem_mb=growing(lambda wildcards: NEEDS.corpus_memory(wildcards.dataset)),
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
        unpack(reads(rule_arguments.metrics)),
    output:
        "results/retrieval_metrics/{dataset}/{system}.csv",
    log:
        "results/logs/retrieval_metrics/{dataset}-{system}.log",
    benchmark:
        "results/benchmarks/retrieval_metrics/{dataset}-{system}.tsv"
    group:
        "tables"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("retrieval_metrics", "data"),
        options=told(rule_arguments.metrics),
    message:
        "Compute the retrieval metrics of {wildcards.system} on {wildcards.dataset}."
    shell:
        'python "$SCRIPTS/retrieval_metrics.py" {params.options:q} --output {output:q}'
        " 2> {log:q}"
