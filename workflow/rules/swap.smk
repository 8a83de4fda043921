# One rule per model, because the number of files a rule makes depends on the model.
for model in MODELS:

    rule:
        name:
            f"encoder_swap_{model}"
        input:
            unpack(partial(analysis_files, model)),
            reduced=[model_folder(name) for name in reduced_names(model)],
        output:
            **{
                name: f"results/encoder_swap/{model}/{name}.parquet"
                for name in encoders(model)
            },
        log:
            f"results/logs/encoder_swap/{model}.log",
        benchmark:
            f"results/benchmarks/encoder_swap/{model}.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=growing(analysis_memory(model)),
            runtime=analysis_minutes("encoder_swap", model, 60),
        params:
            code=code("encoder_swap", "analysis"),
            precision=config["evaluation"]["precision"],
            source=validation_source(model),
            encoders=lambda wildcards, output, model=model: as_json(
                encoder_arguments(model, output)
            ),
            start=start_argument(model),
            seed=config["seed"],
            checkpoints=f"results/checkpoints/encoder_swap/{model}",
        message:
            f"Put other encoders before the decoder of {model}."
        shell:
            'python "$SCRIPTS/encoder_swap.py" --model {input.model:q} --source {params.source:q}'
            " --encoders {params.encoders:q} --seed {params.seed:q} {params.start:q}"
            " --limits.memory_mb {resources.mem_mb:q}"
            " --limits.precision {params.precision:q}"
            " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"


for model in PRETRAINED:

    rule:
        name:
            f"partial_swap_{model}"
        input:
            unpack(partial(analysis_files, model)),
        output:
            [
                f"results/partial_swap/{model}/{part}.parquet"
                for part in encoder_parts(model)
            ],
        log:
            f"results/logs/partial_swap/{model}.log",
        benchmark:
            f"results/benchmarks/partial_swap/{model}.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=growing(analysis_memory(model)),
            runtime=analysis_minutes("partial_swap", model, 60),
        params:
            code=code("partial_swap", "analysis"),
            precision=config["evaluation"]["precision"],
            source=validation_source(model),
            outputs=lambda wildcards, output, model=model: as_json(
                dict(zip(encoder_parts(model), output))
            ),
            start=start_argument(model),
            checkpoints=f"results/checkpoints/partial_swap/{model}",
        message:
            f"Swap parts of the pre-trained encoder into {model}."
        shell:
            'python "$SCRIPTS/partial_swap.py" --model {input.model:q} --source {params.source:q}'
            " --outputs {params.outputs:q} {params.start:q} --limits.memory_mb {resources.mem_mb:q}"
            " --limits.precision {params.precision:q}"
            " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"
