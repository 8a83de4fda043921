# No rule here carries the fingerprint of its code: an edit of it must not download again what is there.
rule fetch_collection:
    output:
        "results/fetch_collection/{corpus}.json",
    log:
        "results/logs/fetch_collection/{corpus}.log",
    benchmark:
        "results/benchmarks/fetch_collection/{corpus}.tsv"
    wildcard_constraints:
        corpus=one_of(PLAN.collections()),
    localrule: True
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=1440,
    params:
        options=lambda wildcards: json.dumps(PLAN.collection_options(wildcards.corpus)),
    message:
        "Download the collection of corpus {wildcards.corpus} with ir-datasets."
    shell:
        'python "$SCRIPTS/fetch_collection.py" --options {params.options:q}'
        " --output {output:q} 2>&1 | tee {log:q}"


# It has no output, not even a benchmark: it runs whenever it is asked for.
rule fetch:
    input:
        expand(rules.fetch_collection.output, corpus=PLAN.collections()),
        ["results/pretraining_text/text.jsonl"]
        if "pretraining" in PLAN.start_types()
        else [],
    log:
        "results/logs/fetch.log",
    localrule: True
    conda:
        environment("train")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=1440,
    params:
        snapshots=constant(json.dumps([vars(snapshot) for snapshot in PLAN.snapshots])),
        lock=hub.LOCK_FILE,
    message:
        "Download what the configuration names, and note the revisions of the Hugging Face hub."
    shell:
        'HF_HUB_OFFLINE=0 python "$SCRIPTS/fetch.py" --snapshots {params.snapshots:q}'
        " --lock {params.lock:q} 2>&1 | tee {log:q}"


# One rule for each, because a revision of one repeated digit would be no wildcard to Snakemake.
for snapshot in {snapshot.folder: snapshot for snapshot in PLAN.snapshots}.values():

    rule:
        name:
            f"fetch_{snapshot.label}"
        output:
            directory(snapshot.folder),
        log:
            f"results/logs/fetch/{snapshot.label}.log",
        benchmark:
            f"results/benchmarks/fetch/{snapshot.label}.tsv"
        localrule: True
        conda:
            environment("train")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=1440,
        params:
            snapshots=constant(json.dumps([vars(snapshot) | {"key": snapshot.id}])),
            lock=hub.LOCK_FILE,
        message:
            f"Download {snapshot.id} from the Hugging Face hub."
        shell:
            'HF_HUB_OFFLINE=0 python "$SCRIPTS/fetch.py" --snapshots {params.snapshots:q}'
            " --lock {params.lock:q} 2>&1 | tee {log:q}"
