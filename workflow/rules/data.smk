rule export_corpus:
    input:
        lambda wildcards: corpus_inputs(wildcards.corpus),
    output:
        documents="results/export_corpus/{corpus}/documents.parquet",
        queries="results/export_corpus/{corpus}/queries.parquet",
        qrels="results/export_corpus/{corpus}/qrels.txt",
        manifest="results/export_corpus/{corpus}/manifest.json",
    log:
        "results/logs/export_corpus/{corpus}.log",
    benchmark:
        "results/benchmarks/export_corpus/{corpus}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: 2000 if is_small(wildcards.corpus) else 4000),
        runtime=lambda wildcards: 30 if is_small(wildcards.corpus) else 240,
    params:
        code=code("export_corpus", "data"),
        source=lambda wildcards: config["corpora"][wildcards.corpus]["source"],
        files=lambda wildcards: as_json(corpus_files(wildcards.corpus)),
        options=lambda wildcards: as_json(corpus_options(wildcards.corpus)),
    message:
        "Export corpus {wildcards.corpus} as documents, queries and qrels."
    shell:
        'python "$SCRIPTS/export_corpus.py" --source {params.source:q}'
        " --files {params.files:q} --options {params.options:q}"
        " --documents {output.documents:q} --queries {output.queries:q}"
        " --qrels {output.qrels:q} --manifest {output.manifest:q} 2> {log:q}"


rule subset_corpus:
    input:
        documents=lambda wildcards: exported(wildcards.dataset, "documents.parquet"),
        queries=lambda wildcards: exported(wildcards.dataset, "queries.parquet"),
        qrels=lambda wildcards: exported(wildcards.dataset, "qrels.txt"),
        manifest=lambda wildcards: exported(wildcards.dataset, "manifest.json"),
    output:
        documents="results/subset_corpus/{dataset}/documents.parquet",
        queries="results/subset_corpus/{dataset}/queries.parquet",
        train_qrels="results/subset_corpus/{dataset}/qrels.train.txt",
        validation_qrels="results/subset_corpus/{dataset}/qrels.validation.txt",
        test_qrels="results/subset_corpus/{dataset}/qrels.test.txt",
        manifest="results/subset_corpus/{dataset}/manifest.json",
    log:
        "results/logs/subset_corpus/{dataset}.log",
    benchmark:
        "results/benchmarks/subset_corpus/{dataset}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("subset_corpus", "data"),
        dataset=lambda wildcards: as_json(dataset_settings(wildcards.dataset)),
    message:
        "Draw dataset {wildcards.dataset} from its corpus and split its queries."
    shell:
        'python "$SCRIPTS/subset_corpus.py" --dataset {params.dataset:q}'
        " --corpus_documents {input.documents:q} --corpus_queries {input.queries:q}"
        " --corpus_qrels {input.qrels:q} --corpus_manifest {input.manifest:q}"
        " --documents {output.documents:q} --queries {output.queries:q}"
        " --train_qrels {output.train_qrels:q} --validation_qrels {output.validation_qrels:q}"
        " --test_qrels {output.test_qrels:q} --manifest {output.manifest:q} 2> {log:q}"


rule corpus:
    input:
        expand(rules.export_corpus.output.manifest, corpus=config["corpora"]),
        expand(rules.subset_corpus.output.manifest, dataset=config["datasets"]),
    message:
        "All corpora and datasets are there."
