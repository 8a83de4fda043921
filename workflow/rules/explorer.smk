# A page for each model, on which one looks at single queries.
rule explorer:
    input:
        unpack(reads(rule_arguments.explorer)),
    output:
        report(
            "results/explorer/{model}.html",
            caption="../report/explorer.rst",
            category="Explorer",
            labels={"artifact": "{model}", "kind": "page"},
        ),
    log:
        "results/logs/explorer/{model}.log",
    benchmark:
        "results/benchmarks/explorer/{model}.tsv"
    group:
        "tables"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("explorer", "analysis"),
        page=SOURCES.page("explorer"),
        options=told(rule_arguments.explorer),
    message:
        "Write the explorer of {wildcards.model}."
    shell:
        'python "$SCRIPTS/explorer.py" {params.options:q} --output {output:q} 2> {log:q}'


# Without output: it says where the page is whenever it is asked for.
rule explore:
    input:
        expand(rules.explorer.output, model=PLAN.headline),
    log:
        "results/logs/explore.log",
    localrule: True
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=100,
        runtime=10,
    message:
        "Open this page in a browser:"
    shell:
        "echo {input:q} | tee {log:q}"
