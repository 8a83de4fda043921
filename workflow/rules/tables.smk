# Tables, out of the registry.
for table in artifacts.tables(PLAN):

    rule:
        name:
            table.rule_name
        input:
            unpack(as_input(constant(table.read(PLAN)))),
        output:
            table=table.file("csv"),
            text=table.file("md"),
            page=report(
                table.file("html"),
                caption=f"../report/{table.rule}.rst",
                category=table.category,
                labels=table.labels,
            ),
        log:
            f"results/logs/{table.log}.log",
        benchmark:
            f"results/benchmarks/{table.benchmark}.tsv"
        group:
            table.group
        conda:
            environment(table.environment)
        threads: 1
        resources:
            mem_mb=growing(table.mem_mb),
            runtime=table.minutes,
        params:
            code=code("table", table.environment, table.module),
            page=SOURCES.page("table"),
            caption=constant(SOURCES.sentences(table.rule)),
            options=constant(table.words(PLAN)),
        message:
            table.message
        shell:
            'python "$SCRIPTS/table.py" {params.options:q}'
            " --table {output.table:q} --text {output.text:q} --page {output.page:q}"
            " --caption={params.caption:q} 2> {log:q}"


rule summary:
    input:
        unpack(as_input(constant(read_files(artifacts.summary(PLAN))))),
    output:
        "results/summary.json",
    log:
        "results/logs/summary.log",
    benchmark:
        "results/benchmarks/summary/all.tsv"
    group:
        "tables"
    conda:
        environment("plot")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("summary", "plot"),
        options=constant(words(artifacts.summary(PLAN))),
    message:
        "Write the headline numbers into results/summary.json."
    shell:
        'python "$SCRIPTS/summary.py" {params.options:q} --output {output:q} 2> {log:q}'


rule analyses:
    input:
        [table.file(kind) for table in artifacts.tables(PLAN) for kind in ("csv", "md")],
        rules.trace.input,
        rules.summary.output,
        expand(rules.verify_engine.output, model=PLAN.original),
    message:
        "All analyses and their tables are there."
