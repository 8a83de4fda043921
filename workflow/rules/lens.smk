rule contributions:
    input:
        unpack(model_analysis_files),
    output:
        "results/contributions/{model}.parquet",
    log:
        "results/logs/contributions/{model}.log",
    benchmark:
        "results/benchmarks/contributions/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes("contributions", wildcards.model, 60),
    params:
        code=code("contributions", "analysis"),
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/contributions/{model}",
    message:
        "Measure the contribution of every component of {wildcards.model}."
    shell:
        'python "$SCRIPTS/contributions.py" --model {input.model:q} --source {params.source:q}'
        " --output {output:q} --limits.memory_mb {resources.mem_mb:q}"
        " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"


rule rank_development:
    input:
        unpack(model_analysis_files),
    output:
        "results/rank_development/{model}.parquet",
    log:
        "results/logs/rank_development/{model}.log",
    benchmark:
        "results/benchmarks/rank_development/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes(
            "rank_development", wildcards.model, 60
        ),
    params:
        code=code("rank_development", "analysis"),
        precision=config["evaluation"]["precision"],
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/rank_development/{model}",
    message:
        "Follow the rank of the relevant document through the layers of {wildcards.model}."
    shell:
        'python "$SCRIPTS/rank_development.py" --model {input.model:q} --source {params.source:q}'
        " --output {output:q} --limits.memory_mb {resources.mem_mb:q}"
        " --limits.precision {params.precision:q}"
        " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"


rule stages:
    input:
        contributions=rules.contributions.output,
        correct=rules.correct_queries.output,
    output:
        "results/stages/{model}.json",
    log:
        "results/logs/stages/{model}.log",
    benchmark:
        "results/benchmarks/stages/{model}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("stages", "data"),
        configured=lambda wildcards: as_json(
            config["models"][wildcards.model].get("stages")
        ),
        seed=config["seed"],
    message:
        "Look for stages in the contributions of {wildcards.model}."
    shell:
        'python "$SCRIPTS/stages.py" --contributions {input.contributions:q}'
        " --correct {input.correct:q} --configured {params.configured:q}"
        " --seed {params.seed:q} --output {output:q} 2> {log:q}"
