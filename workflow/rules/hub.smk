# No rule here carries the fingerprint of its code: an edit of it must not download again what a
# revision already says. fetch has no output, not even a benchmark: it runs whenever it is asked for.
rule fetch:
    log:
        "results/logs/fetch.log",
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=1440,
    params:
        snapshots=as_json([vars(snapshot) for snapshot in SNAPSHOTS]),
        lock=hub.LOCK_FILE,
    message:
        "Note the revisions of what comes from the Hugging Face hub, and download it."
    shell:
        "HF_HUB_OFFLINE=0 python $SCRIPTS/fetch.py --snapshots {params.snapshots:q}"
        " --lock {params.lock} 2>&1 | tee {log}"


localrules:
    fetch,


# One rule for each, because a revision of one repeated digit would be no wildcard to Snakemake.
for snapshot in {snapshot.folder: snapshot for snapshot in SNAPSHOTS}.values():

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
            environment("data")
        threads: 1
        resources:
            mem_mb=2000,
            runtime=1440,
        params:
            snapshots=as_json([vars(snapshot) | {"key": snapshot.id}]),
            lock=hub.LOCK_FILE,
        message:
            f"Download {snapshot.id} from the Hugging Face hub."
        shell:
            "HF_HUB_OFFLINE=0 python $SCRIPTS/fetch.py --snapshots {params.snapshots:q}"
            " --lock {params.lock} 2>&1 | tee {log}"
