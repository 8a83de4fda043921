# One rule per model, because the number of files a rule makes depends on the model.
for model in MODELS:

    rule:
        name:
            f"circuit_{model}"
        input:
            unpack(partial(analysis_files, model)),
            test_qrels=subset(model, "qrels.test.txt"),
            correct=f"results/correct_queries/{model}.csv",
            stages=f"results/stages/{model}.json",
            clean=f"results/evaluate/{model}/validation.ranks.parquet",
            patched=[
                f"results/patch_stage/{model}/{method}/{stage}.{component}.parquet"
                for method in automatic_methods(model)
                for stage in PATCHED_STAGES
                for component in COMPONENTS
            ],
        output:
            automatic=f"results/circuit/{model}/automatic.json",
            ranks=circuit_files(model),
        log:
            f"results/logs/circuit/{model}.log",
        benchmark:
            f"results/benchmarks/circuit/{model}.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=growing(analysis_memory(model)),
            runtime=analysis_minutes("patch_stage", model, 120),
        params:
            code=code("circuit", "analysis"),
            precision=config["evaluation"]["precision"],
            sources=[as_json(query_source(model, split)) for split in EVALUATED],
            patched=lambda wildcards, input: Path(input.patched[0]).parents[1],
            methods=as_json(automatic_methods(model)),
            variants=as_json(circuit_variants(model)),
            options=options(
                broken_percent=config["circuit"]["broken_percent"], seed=config["seed"]
            ),
            folder=lambda wildcards, output: Path(output.automatic).parent,
            start=start_argument(model),
            checkpoints=f"results/checkpoints/circuit/{model}",
        message:
            f"Rank queries with the circuits of {model}."
        shell:
            'python "$SCRIPTS/circuit.py" --model {input.model:q}'
            " --validation {params.sources[0]:q} --test {params.sources[1]:q}"
            " --correct {input.correct:q} --stages {input.stages:q} --clean {input.clean:q}"
            " --patched {params.patched:q} --methods {params.methods:q}"
            " --variants {params.variants:q} {params.options:q}"
            " --automatic {output.automatic:q} --output {params.folder:q}"
            " {params.start:q} --limits.memory_mb {resources.mem_mb:q}"
            " --limits.precision {params.precision:q}"
            " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"
