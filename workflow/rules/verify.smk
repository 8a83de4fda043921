rule verify_engine:
    input:
        unpack(model_analysis_files),
        manifest=lambda wildcards: subset(wildcards.model, "manifest.json"),
    output:
        table="results/verify_engine/{model}.csv",
        text=report(
            "results/verify_engine/{model}.md",
            caption="../report/verify_engine.rst",
            category="Verification",
            labels={"artifact": "verification", "kind": "table", "model": "{model}"},
        ),
    log:
        "results/logs/verify_engine/{model}.log",
    benchmark:
        "results/benchmarks/verify_engine/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes(
            "rank_development", wildcards.model, 60
        ),
    params:
        code=code("verify_engine", "analysis"),
        precision=config["evaluation"]["precision"],
        source=lambda wildcards: validation_source(wildcards.model),
        start=lambda wildcards: start_argument(wildcards.model),
        seed=config["seed"],
    message:
        "Compare the engine with independent implementations on {wildcards.model}."
    shell:
        'python "$SCRIPTS/verify_engine.py" --model {input.model:q} --source {params.source:q}'
        " --manifest {input.manifest:q} --seed {params.seed:q} {params.start:q}"
        " --limits.memory_mb {resources.mem_mb:q} --limits.precision {params.precision:q}"
        " --table {output.table:q} --text {output.text:q} 2> {log:q}"
