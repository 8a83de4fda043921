# Which outputs trigger which components, and whether late ones undo the first.


rule communication:
    input:
        unpack(model_analysis_files),
    output:
        "results/communication/{model}.parquet",
    log:
        "results/logs/communication/{model}.log",
    benchmark:
        "results/benchmarks/communication/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes("communication", wildcards.model, 60),
    params:
        code=code("communication", "analysis"),
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/communication/{model}",
    message:
        "Trace what triggers the components of {wildcards.model} back to earlier ones."
    shell:
        "python $SCRIPTS/communication.py --model {input.model} --source {params.source:q}"
        " --output {output} --limits.memory_mb {resources.mem_mb}"
        " --limits.checkpoints {params.checkpoints} 2> {log}; rm -rf {params.checkpoints}"


rule top_heads:
    input:
        unpack(model_analysis_files),
        stages="results/stages/{model}.json",
    output:
        "results/top_heads/{model}.parquet",
    log:
        "results/logs/top_heads/{model}.log",
    benchmark:
        "results/benchmarks/top_heads/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes("top_heads", wildcards.model, 60),
    params:
        code=code("top_heads", "analysis"),
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/top_heads/{model}",
    message:
        "Find the heads that trigger Stage III neurons of {wildcards.model}."
    shell:
        "python $SCRIPTS/top_heads.py --model {input.model} --source {params.source:q}"
        " --stages {input.stages} --output {output} --limits.memory_mb {resources.mem_mb}"
        " --limits.checkpoints {params.checkpoints} 2> {log}; rm -rf {params.checkpoints}"


rule late_cosines:
    input:
        unpack(model_analysis_files),
        stages="results/stages/{model}.json",
    output:
        "results/late_cosines/{model}.parquet",
    log:
        "results/logs/late_cosines/{model}.log",
    benchmark:
        "results/benchmarks/late_cosines/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: analysis_memory(wildcards.model)),
        runtime=lambda wildcards: analysis_minutes("contributions", wildcards.model, 60),
    params:
        code=code("late_cosines", "analysis"),
        source=lambda wildcards: validation_source(wildcards.model),
        checkpoints="results/checkpoints/late_cosines/{model}",
    message:
        "Compare late outputs of {wildcards.model} with Stage I's MLPs."
    shell:
        "python $SCRIPTS/late_cosines.py --model {input.model} --source {params.source:q}"
        " --stages {input.stages} --output {output} --limits.memory_mb {resources.mem_mb}"
        " --limits.checkpoints {params.checkpoints} 2> {log}; rm -rf {params.checkpoints}"


rule table_communication:
    input:
        files=expand("results/communication/{model}.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_communication/communication.csv",
        text=report(
            "results/table_communication/communication.md",
            caption="../report/table_communication.rst",
            category="Communication",
            labels={"artifact": "communication", "kind": "table"},
        ),
    log:
        "results/logs/table_communication.log",
    benchmark:
        "results/benchmarks/table_communication/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.communication"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/communication/{model}.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        stages=per_model("results/stages/{model}.json"),
        seed=config["seed"],
    message:
        "Tabulate who triggers whom."
    shell:
        "python $SCRIPTS/table.py communication --files {params.files:q}"
        " --clean {params.clean:q} --stages {params.stages:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_top_heads:
    input:
        files=expand("results/top_heads/{model}.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_top_heads/top_heads.csv",
        text=report(
            "results/table_top_heads/top_heads.md",
            caption="../report/table_top_heads.rst",
            category="Heads",
            labels={"artifact": "top heads", "kind": "table"},
        ),
    log:
        "results/logs/table_top_heads.log",
    benchmark:
        "results/benchmarks/table_top_heads/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.top_heads"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/top_heads/{model}.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        stages=per_model("results/stages/{model}.json"),
    message:
        "Tabulate how many heads trigger Stage III neurons."
    shell:
        "python $SCRIPTS/table.py top_heads --files {params.files:q}"
        " --clean {params.clean:q} --stages {params.stages:q}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"


rule table_late_cosines:
    input:
        files=expand("results/late_cosines/{model}.parquet", model=MODELS),
        clean=expand("results/evaluate/{model}/validation.ranks.parquet", model=MODELS),
        stages=expand("results/stages/{model}.json", model=MODELS),
        manifests=manifests(MODELS),
    output:
        table="results/table_late_cosines/late_cosines.csv",
        text=report(
            "results/table_late_cosines/late_cosines.md",
            caption="../report/table_late_cosines.rst",
            category="Communication",
            labels={"artifact": "late cosines", "kind": "table"},
        ),
    log:
        "results/logs/table_late_cosines.log",
    benchmark:
        "results/benchmarks/table_late_cosines/all.tsv"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("table", "plot", "genir.tables.late_cosines"),
        manifests=lambda wildcards, input: as_json(list(input.manifests)),
        files=per_model("results/late_cosines/{model}.parquet"),
        clean=per_model("results/evaluate/{model}/validation.ranks.parquet"),
        stages=per_model("results/stages/{model}.json"),
        seed=config["seed"],
    message:
        "Tabulate the cosines of late outputs with Stage I's MLPs."
    shell:
        "python $SCRIPTS/table.py late_cosines --files {params.files:q}"
        " --clean {params.clean:q} --stages {params.stages:q} --seed {params.seed}"
        " --manifests {params.manifests:q} --table {output.table} --text {output.text}"
        " 2> {log}"
