from dataclasses import asdict


# Without output, not even a benchmark: it prints whenever it is asked for.
rule costs:
    log:
        "results/logs/costs.log",
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        workloads=lambda wildcards: as_json(
            [asdict(work) for work in WORKLOADS.values()]
        ),
    message:
        "Costs of this configuration:"
    shell:
        'python "$SCRIPTS/costs.py" --workloads {params.workloads:q} 2>&1 | tee {log:q}'


localrules:
    costs,
