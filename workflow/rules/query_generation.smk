rule train_query_generator:
    input:
        unpack(reads(rule_arguments.train_generator)),
    output:
        model=directory("results/train_query_generator/{generator}/{dataset}/model"),
        curve="results/train_query_generator/{generator}/{dataset}/curve.csv",
        run="results/train_query_generator/{generator}/{dataset}/run.json",
    log:
        "results/logs/train_query_generator/{generator}/{dataset}.log",
    benchmark:
        "results/benchmarks/train_query_generator/{generator}/{dataset}.tsv"
    priority: 20
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: NEEDS.generators[wildcards.generator]),
        runtime=240,
        gpus=0,
        nodes=1,
    params:
        code=code("train_query_generator", "train"),
        options=told(rule_arguments.train_generator),
        checkpoints=lambda wildcards: checkpoint_folder(
            "train_query_generator",
            f"{wildcards.generator}/{wildcards.dataset}",
            PLAN.generator_settings(wildcards.generator),
            *PLAN.dataset_key(wildcards.dataset),
        ),
    message:
        "Train query generator {wildcards.generator} on the training queries of {wildcards.dataset}."
    shell:
        'python "$SCRIPTS/launch.py" --gpus {resources.gpus:q} --nodes {resources.nodes:q}'
        ' "$SCRIPTS/train_query_generator.py" {params.options:q}'
        " --outputs.model {output.model:q} --outputs.curve {output.curve:q}"
        " --outputs.run {output.run:q} --outputs.checkpoints {params.checkpoints:q}"
        ' 2> {log:q}; rm -rf "$(dirname {params.checkpoints:q})"'


rule generate_queries:
    input:
        unpack(reads(rule_arguments.generation)),
    output:
        queries="results/generate_queries/{generator}/{dataset}.parquet",
        manifest="results/generate_queries/{generator}/{dataset}.json",
    log:
        "results/logs/generate_queries/{generator}/{dataset}.log",
    benchmark:
        "results/benchmarks/generate_queries/{generator}/{dataset}.tsv"
    priority: 20
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: NEEDS.generators[wildcards.generator]),
        runtime=240,
    params:
        code=code("generate_queries", "train"),
        options=told(rule_arguments.generation),
        checkpoints=lambda wildcards: SOURCES.generation_checkpoints(
            PLAN, **dict(wildcards.items())
        ),
    message:
        "Generate queries of {wildcards.dataset} with {wildcards.generator}."
    shell:
        'python "$SCRIPTS/generate_queries.py" {params.options:q}'
        " {params.checkpoints:q} --output {output.queries:q} --manifest {output.manifest:q} 2> {log:q};"
        " rm -rf results/checkpoints/generate_queries/{wildcards.generator:q}/{wildcards.dataset:q}"
