# One rule per model and chunk of layers, because the number of files a rule makes depends on both.
for model in MODELS:
    for first, last in layer_chunks(model):

        rule:
            name:
                f"patch_component_{model}_layer{first}_to_{last}"
            input:
                unpack(partial(analysis_files, model)),
                correct=f"results/correct_queries/{model}.csv",
            output:
                component_patch_files(model, range(first, last + 1)),
            log:
                f"results/logs/patch_component/{model}.layer{first}-{last}.log",
            benchmark:
                f"results/benchmarks/patch_component/{model}.layer{first}-{last}.tsv"
            conda:
                environment("analysis")
            threads: 1
            resources:
                mem_mb=growing(analysis_memory(model)),
                runtime=analysis_minutes(
                    "patch_component", model, 120, last + 1 - first
                ),
            params:
                code=code("patch_component", "analysis"),
                precision=config["evaluation"]["precision"],
                source=validation_source(model),
                methods=as_json(methods(model)),
                layers=uncompared(options(first_layer=first, last_layer=last)),
                folder=lambda wildcards, output: Path(output[0]).parents[1],
                start=start_argument(model),
                checkpoints=uncompared(
                    f"results/checkpoints/patch_component/{model}.layer{first}-{last}"
                ),
            message:
                f"Patch every component of decoder layers {first} to {last} of {model}."
            shell:
                'python "$SCRIPTS/patch_component.py" --model {input.model:q}'
                " --source {params.source:q} --correct {input.correct:q}"
                " --methods {params.methods:q} {params.layers:q}"
                " --output {params.folder:q} {params.start:q}"
                " --limits.memory_mb {resources.mem_mb:q}"
                " --limits.precision {params.precision:q}"
                " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"

        rule:
            name:
                f"patch_head_{model}_layer{first}_to_{last}"
            input:
                unpack(partial(analysis_files, model)),
                correct=f"results/correct_queries/{model}.csv",
            output:
                head_patch_files(model, range(first, last + 1)),
            log:
                f"results/logs/patch_head/{model}.layer{first}-{last}.log",
            benchmark:
                f"results/benchmarks/patch_head/{model}.layer{first}-{last}.tsv"
            conda:
                environment("analysis")
            threads: 1
            resources:
                mem_mb=growing(analysis_memory(model)),
                runtime=analysis_minutes("patch_head", model, 120, last + 1 - first),
            params:
                code=code("patch_head", "analysis"),
                precision=config["evaluation"]["precision"],
                source=validation_source(model),
                methods=as_json(methods(model, "head_methods")),
                layers=uncompared(options(first_layer=first, last_layer=last)),
                folder=lambda wildcards, output: Path(output[0]).parents[1],
                start=start_argument(model),
                checkpoints=uncompared(
                    f"results/checkpoints/patch_head/{model}.layer{first}-{last}"
                ),
            message:
                f"Patch every attention head of decoder layers {first} to {last} of {model}."
            shell:
                'python "$SCRIPTS/patch_head.py" --model {input.model:q}'
                " --source {params.source:q} --correct {input.correct:q}"
                " --methods {params.methods:q} {params.layers:q}"
                " --output {params.folder:q} {params.start:q}"
                " --limits.memory_mb {resources.mem_mb:q}"
                " --limits.precision {params.precision:q}"
                " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"

    rule:
        name:
            f"patch_stage_{model}"
        input:
            unpack(partial(analysis_files, model)),
            correct=f"results/correct_queries/{model}.csv",
            stages=f"results/stages/{model}.json",
        output:
            stage_patch_files(model),
        log:
            f"results/logs/patch_stage/{model}.log",
        benchmark:
            f"results/benchmarks/patch_stage/{model}.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=growing(analysis_memory(model)),
            runtime=analysis_minutes("patch_stage", model, 120),
        params:
            code=code("patch_stage", "analysis"),
            precision=config["evaluation"]["precision"],
            source=validation_source(model),
            methods=as_json(methods(model)),
            folder=lambda wildcards, output: Path(output[0]).parents[1],
            start=start_argument(model),
            checkpoints=f"results/checkpoints/patch_stage/{model}",
        message:
            f"Patch every component of {model} stage by stage."
        shell:
            'python "$SCRIPTS/patch_stage.py" --model {input.model:q} --source {params.source:q}'
            " --correct {input.correct:q} --methods {params.methods:q} --stages {input.stages:q}"
            " --output {params.folder:q} {params.start:q} --limits.memory_mb {resources.mem_mb:q}"
            " --limits.precision {params.precision:q}"
            " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"
