# What runs a model on queries, out of the registry, and what is read off its results.
for job in artifacts.jobs(PLAN):

    rule:
        name:
            job.rule
        input:
            unpack(as_input(job.read)),
        output:
            job.written,
        log:
            f"results/logs/{job.place}.log",
        benchmark:
            f"results/benchmarks/{job.place}.tsv"
        priority: job.analysis.priority
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=growing(partial(job.memory, NEEDS)),
            runtime=partial(job.minutes, NEEDS),
        params:
            code=code(job.analysis.driver, "analysis", job.analysis.module),
            driver=job.analysis.driver,
            options=job.words,
            piece=uncompared(job.piece),
            checkpoints=uncompared(job.checkpoints),
        message:
            job.message
        shell:
            'python "$SCRIPTS"/{params.driver:q}.py {params.options:q} {params.piece:q}'
            " --limits.memory_mb {resources.mem_mb:q}"
            " --limits.checkpoints {params.checkpoints:q} 2> {log:q}; rm -rf {params.checkpoints:q}"


rule correct_queries:
    input:
        ranks=str(results.clean_ranks("{model}")),
    output:
        str(results.correct_queries("{model}")),
    log:
        "results/logs/correct_queries/{model}.log",
    benchmark:
        "results/benchmarks/correct_queries/{model}.tsv"
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
        code=code("correct_queries", "data"),
    message:
        "List the queries that {wildcards.model} answers correctly."
    shell:
        'python "$SCRIPTS/correct_queries.py" --ranks {input.ranks:q} --output {output:q}'
        " 2> {log:q}"


rule stages:
    input:
        unpack(reads(rule_arguments.stages_from)),
    output:
        str(results.stages("{model}")),
    log:
        "results/logs/stages/{model}.log",
    benchmark:
        "results/benchmarks/stages/{model}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("stages", "data"),
        options=told(rule_arguments.stages_from),
    message:
        "Look for stages in the contributions of {wildcards.model}."
    shell:
        'python "$SCRIPTS/stages.py" {params.options:q} --output {output:q} 2> {log:q}'


rule verify_engine:
    input:
        unpack(reads(rule_arguments.verification)),
    output:
        table="results/verify_engine/{model}.csv",
        text="results/verify_engine/{model}.md",
        page=report(
            "results/verify_engine/{model}.html",
            caption="../report/verify_engine.rst",
            category="Verification",
            labels={"artifact": "verification", "kind": "table", "model": "{model}"},
        ),
    log:
        "results/logs/verify_engine/{model}.log",
    benchmark:
        "results/benchmarks/verify_engine/{model}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: NEEDS.analysis_memory(wildcards.model)),
        runtime=lambda wildcards: NEEDS.analysis_minutes(
            "rank_development", wildcards.model, 60
        ),
    params:
        code=code("verify_engine", "analysis"),
        page=SOURCES.page("table"),
        caption=constant(SOURCES.sentences("verify_engine")),
        options=told(rule_arguments.verification),
    message:
        "Compare the engine with independent implementations on {wildcards.model}."
    shell:
        'python "$SCRIPTS/verify_engine.py" {params.options:q}'
        " --limits.memory_mb {resources.mem_mb:q}"
        " --table {output.table:q} --text {output.text:q} --page {output.page:q}"
        " --caption={params.caption:q} 2> {log:q}"


rule trace_query:
    input:
        unpack(reads(rule_arguments.trace)),
    output:
        trace="results/trace_query/{model}/{slug}.json",
        text="results/trace_query/{model}/{slug}.md",
        page=report(
            "results/trace_query/{model}/{slug}.html",
            caption="../report/trace_query.rst",
            category="Traced queries",
            labels={"artifact": "{slug}", "kind": "table"},
        ),
        picture=report(
            f"results/trace_query/{{model}}/{{slug}}.{FORMATS[0]}",
            caption="../report/trace_query.rst",
            category="Traced queries",
            labels={"artifact": "{slug}", "kind": "figure"},
        ),
        others=[
            f"results/trace_query/{{model}}/{{slug}}.{kind}" for kind in FORMATS[1:]
        ],
    log:
        "results/logs/trace_query/{model}/{slug}.log",
    benchmark:
        "results/benchmarks/trace_query/{model}.{slug}.tsv"
    wildcard_constraints:
        slug=one_of(PLAN.traces),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: NEEDS.analysis_memory(wildcards.model)),
        runtime=30,
    params:
        code=code("trace_query", "analysis"),
        page=SOURCES.page("table"),
        caption=constant(SOURCES.sentences("trace_query")),
        query=lambda wildcards: PLAN.traces[wildcards.slug],
        options=told(rule_arguments.trace),
        stem=lambda wildcards, output: Path(output.trace).with_suffix(""),
    message:
        "Trace the query {wildcards.slug} through {wildcards.model}."
    shell:
        'python "$SCRIPTS/trace_query.py" --query={params.query:q} {params.options:q}'
        " --output {params.stem:q} --memory_mb {resources.mem_mb:q}"
        " --caption={params.caption:q} > {log:q} 2>&1"


rule trace:
    input:
        expand(rules.trace_query.output.trace, model=PLAN.headline, slug=PLAN.traces),
    message:
        "The queries of the configuration are traced."


# Without output, not even a benchmark: it prints whenever it is asked for.
rule costs:
    log:
        "results/logs/costs.log",
    localrule: True
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        workloads=constant(json.dumps([asdict(w) for w in NEEDS.workloads.values()])),
    message:
        "Costs of this configuration:"
    shell:
        'python "$SCRIPTS/costs.py" --workloads {params.workloads:q} 2>&1 | tee {log:q}'
