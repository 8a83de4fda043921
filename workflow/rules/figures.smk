# Figures, out of the registry: each is drawn from the table of its name.
for figure in artifacts.figures(PLAN):

    rule:
        name:
            figure.rule_name
        input:
            unpack(as_input(constant(figure.read(PLAN)))),
        output:
            picture=report(
                figure.file(FORMATS[0]),
                caption=caption(figure.rule, f"table_{figure.name}"),
                category=figure.category,
                labels=figure.labels,
            ),
            others=[figure.file(kind) for kind in FORMATS[1:]],
        log:
            f"results/logs/{figure.log}.log",
        benchmark:
            f"results/benchmarks/{figure.benchmark}.tsv"
        group:
            figure.group
        conda:
            environment(figure.environment)
        threads: 1
        resources:
            mem_mb=growing(figure.mem_mb),
            runtime=figure.minutes,
        params:
            code=code("figure", figure.environment, figure.module),
            options=constant(figure.words(PLAN)),
            formats=json.dumps(FORMATS),
            dpi=config["figures"]["dpi"],
            stem=lambda wildcards, output: Path(output.picture).with_suffix(""),
        message:
            figure.message
        shell:
            'python "$SCRIPTS/figure.py" {params.options:q} --stem {params.stem:q}'
            " --formats {params.formats:q} --dpi {params.dpi:q} 2> {log:q}"


rule figures:
    input:
        rules.analyses.input,
        [figure.file(kind) for figure in artifacts.figures(PLAN) for kind in FORMATS],
    message:
        "All tables and figures are there."


rule series:
    input:
        [
            made.file(kind)
            for made in artifacts.tables(PLAN) + artifacts.figures(PLAN)
            for kind in (FORMATS if made.kind == "figure" else ("csv", "md"))
            if made.each
        ],
    message:
        "The tables and figures of all series are there."
