rule export_corpus:
    input:
        unpack(reads(rule_arguments.corpus)),
        unpack(as_input(partial(rule_arguments.fetched, PLAN))),
    output:
        documents="results/export_corpus/{corpus}/documents.parquet",
        queries="results/export_corpus/{corpus}/queries.parquet",
        qrels="results/export_corpus/{corpus}/qrels.txt",
        manifest="results/export_corpus/{corpus}/manifest.json",
    log:
        "results/logs/export_corpus/{corpus}.log",
    benchmark:
        "results/benchmarks/export_corpus/{corpus}.tsv"
    group:
        "data"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(
            lambda wildcards: 2000 if PLAN.is_small(wildcards.corpus) else 4000
        ),
        runtime=lambda wildcards: 30 if PLAN.is_small(wildcards.corpus) else 240,
    params:
        code=code("export_corpus", "data"),
        options=told(rule_arguments.corpus),
    message:
        "Export corpus {wildcards.corpus} as documents, queries and qrels."
    shell:
        'python "$SCRIPTS/export_corpus.py" {params.options:q}'
        " --documents {output.documents:q} --queries {output.queries:q}"
        " --qrels {output.qrels:q} --manifest {output.manifest:q} 2> {log:q}"


rule subset_corpus:
    input:
        unpack(reads(rule_arguments.drawn)),
    output:
        documents=str(results.dataset_file("{dataset}", "documents")),
        queries=str(results.dataset_file("{dataset}", "queries")),
        train_qrels=str(results.dataset_file("{dataset}", "train")),
        validation_qrels=str(results.dataset_file("{dataset}", "validation")),
        test_qrels=str(results.dataset_file("{dataset}", "test")),
        manifest=str(results.dataset_file("{dataset}", "manifest")),
    log:
        "results/logs/subset_corpus/{dataset}.log",
    benchmark:
        "results/benchmarks/subset_corpus/{dataset}.tsv"
    group:
        "data"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("subset_corpus", "data"),
        options=told(rule_arguments.drawn),
    message:
        "Draw dataset {wildcards.dataset} from its corpus and split its queries."
    shell:
        'python "$SCRIPTS/subset_corpus.py" {params.options:q}'
        " --documents {output.documents:q} --queries {output.queries:q}"
        " --train_qrels {output.train_qrels:q} --validation_qrels {output.validation_qrels:q}"
        " --test_qrels {output.test_qrels:q} --manifest {output.manifest:q} 2> {log:q}"


rule query_slices:
    input:
        queries=str(results.dataset_file("{dataset}", "queries")),
        train_qrels=str(results.dataset_file("{dataset}", "train")),
        validation_qrels=str(results.dataset_file("{dataset}", "validation")),
        test_qrels=str(results.dataset_file("{dataset}", "test")),
    output:
        table=str(results.of_model("query_slices", "{dataset}")),
        record=str(results.of_model("query_slices", "{dataset}", "json")),
    log:
        "results/logs/query_slices/{dataset}.log",
    benchmark:
        "results/benchmarks/query_slices/{dataset}.tsv"
    group:
        "tables"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: NEEDS.corpus_memory(wildcards.dataset)),
        runtime=30,
    params:
        code=code("query_slices", "data"),
    message:
        "Say what training could have memorised of the queries of {wildcards.dataset}."
    shell:
        'python "$SCRIPTS/query_slices.py" --queries {input.queries:q}'
        " --train_qrels {input.train_qrels:q} --validation_qrels {input.validation_qrels:q}"
        " --test_qrels {input.test_qrels:q} --output {output.table:q} --record {output.record:q}"
        " 2> {log:q}"


rule corpus:
    input:
        expand(rules.export_corpus.output.manifest, corpus=config["corpora"]),
        expand(rules.subset_corpus.output.manifest, dataset=config["datasets"]),
    message:
        "All corpora and datasets are there."
