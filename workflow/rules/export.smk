# What other tools read. Nothing here is made unless it is asked for.
rule circuit_scores:
    input:
        unpack(reads(rule_arguments.circuit_scores)),
    output:
        expand("results/circuit_scores/{{model}}/{ablation}.json", ablation=ABLATIONS),
    log:
        "results/logs/circuit_scores/{model}.log",
    benchmark:
        "results/benchmarks/circuit_scores/{model}.tsv"
    group:
        "tables"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        code=code("circuit_scores", "data"),
        options=told(rule_arguments.circuit_scores),
        folder=lambda wildcards, output: Path(output[0]).parent,
    message:
        "Write the scores of components and edges of {wildcards.model} for MIB."
    shell:
        'python "$SCRIPTS/circuit_scores.py" {params.options:q} --output {params.folder:q}'
        " 2> {log:q}"


rule export:
    input:
        expand(rules.circuit_scores.output, model=PLAN.original),
    message:
        "Scores of components and edges are in results/circuit_scores/."
