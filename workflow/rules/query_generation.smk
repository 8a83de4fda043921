rule train_query_generator:
    input:
        documents="results/subset_corpus/{dataset}/documents.parquet",
        queries="results/subset_corpus/{dataset}/queries.parquet",
        qrels="results/subset_corpus/{dataset}/qrels.train.txt",
        start=lambda wildcards: files_of(
            located(GENERATORS[wildcards.generator]["start"])
        ),
    output:
        model=directory("results/train_query_generator/{generator}/{dataset}/model"),
        curve="results/train_query_generator/{generator}/{dataset}/curve.csv",
        run="results/train_query_generator/{generator}/{dataset}/run.json",
    log:
        "results/logs/train_query_generator/{generator}/{dataset}.log",
    benchmark:
        "results/benchmarks/train_query_generator/{generator}/{dataset}.tsv"
    wildcard_constraints:
        generator=one_of(GENERATORS),
    priority: 20
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: generator_memory(wildcards.generator)),
        runtime=240,
        gpus=0,
        nodes=1,
    params:
        code=code("train_query_generator", "train"),
        start=lambda wildcards: as_json(
            located(GENERATORS[wildcards.generator]["start"])
        ),
        settings=lambda wildcards: as_json(generator_training(wildcards.generator)),
        checkpoints=lambda wildcards: checkpoint_folder(
            "train_query_generator",
            f"{wildcards.generator}/{wildcards.dataset}",
            generator_settings(wildcards.generator),
            *dataset_key(wildcards.dataset),
        ),
    message:
        "Train query generator {wildcards.generator} on the training queries of {wildcards.dataset}."
    shell:
        'python "$SCRIPTS/launch.py" --gpus {resources.gpus:q} --nodes {resources.nodes:q}'
        ' "$SCRIPTS/train_query_generator.py" --data.documents {input.documents:q}'
        " --data.queries {input.queries:q} --data.qrels {input.qrels:q}"
        " --start {params.start:q} --settings {params.settings:q}"
        " --outputs.model {output.model:q} --outputs.curve {output.curve:q}"
        " --outputs.run {output.run:q} --outputs.checkpoints {params.checkpoints:q}"
        ' 2> {log:q}; rm -rf "$(dirname {params.checkpoints:q})"'


rule generate_queries:
    input:
        documents="results/subset_corpus/{dataset}/documents.parquet",
        queries="results/subset_corpus/{dataset}/queries.parquet",
        source=generator_files,
    output:
        queries="results/generate_queries/{generator}/{dataset}.parquet",
        manifest="results/generate_queries/{generator}/{dataset}.json",
    log:
        "results/logs/generate_queries/{generator}/{dataset}.log",
    benchmark:
        "results/benchmarks/generate_queries/{generator}/{dataset}.tsv"
    wildcard_constraints:
        generator=one_of(GENERATORS),
    priority: 20
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: generator_memory(wildcards.generator)),
        runtime=240,
    params:
        code=code("generate_queries", "train"),
        source=generator_argument,
        drop=lambda wildcards: as_json(
            GENERATORS[wildcards.generator].get("drop_held_out", True)
        ),
    message:
        "Generate queries of {wildcards.dataset} with {wildcards.generator}."
    shell:
        'python "$SCRIPTS/generate_queries.py" --documents {input.documents:q}'
        " --queries {input.queries:q} {params.source:q} --drop_held_out {params.drop:q}"
        " --output {output.queries:q} --manifest {output.manifest:q} 2> {log:q};"
        " rm -rf results/checkpoints/generate_queries/{wildcards.generator:q}/{wildcards.dataset:q}"
