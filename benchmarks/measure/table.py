"""engine.json as a table for people."""

from collections.abc import Callable, Sequence
from typing import Any

from measure.contestants import LABELS

Row = tuple[str, list[str]]


def as_markdown(report: dict[str, Any]) -> str:
    """One table, a column per shape, and what a reader must know of the measurement."""
    shapes = list(report["ratio_to_batched_hooks"])
    scale = report["scale"]["shape"]
    rows = [
        *_rows_of_shapes(report, shapes),
        *_rows_of_gpu(report, shapes),
        *_rows_of_scale(report["scale"], shapes),
    ]
    lines = [
        _line(["", *shapes, f"{scale} (full sweep)"]),
        _line(["---", *["---:"] * (len(shapes) + 1)]),
        *(_line([name, *cells]) for name, cells in rows),
    ]
    return "\n".join(["# Engine against peers", "", *lines, "", *_notes(report), ""])


def _rows_of_shapes(report: dict[str, Any], shapes: Sequence[str]) -> list[Row]:
    speeds, ratios = report["patched_queries_per_second"], report["ratios_by_shape"]
    speed_of_scale = _short(report["scale"]["patched_queries_per_second"]["sweep"])

    def each(cell: Callable[[str], str], last: str = "") -> list[str]:
        return [*(cell(shape) for shape in shapes), last]

    rows = [
        ("engine, patched queries/s", each(lambda s: _short(speeds[s]["engine"]), speed_of_scale)),
        *(
            (f"ratio to {label}", each(lambda s, p=peer: _interval(ratios[s].get(p))))
            for peer, label in LABELS.items()
        ),
        (
            "share: its matrix products alone / engine, time",
            each(lambda s: _interval(report["share_of_gemm_time_by_shape"][s])),
        ),
    ]
    peak = report["scale"]["peak_memory_mib"]
    for way, last in (("engine", f"{peak:.0f} (two models)"), ("hooks", "")):
        memory = [f"{report['peak_memory_mib'][shape][way]:.0f}" for shape in shapes]
        rows.append((f"peak memory of the process, {way}, MiB", [*memory, last]))
    for case, words in (("random_relevant", "random"), ("first_relevant", "first-ranked")):
        rows.append((f"bfloat16 / float32 engine, {words} relevant documents",
                     each(lambda s, c=case: _bfloat16(report["bf16"], s, c))))  # fmt: skip
    return rows


def _rows_of_gpu(report: dict[str, Any], shapes: Sequence[str]) -> list[Row]:
    found = report["cuda"]
    if found is None:
        return [("ratio to hooks on a GPU", [*["no GPU was found"] * len(shapes), ""])]
    ratios = [_interval(found["shapes"][shape]["ratio_to_batched_hooks"]) for shape in shapes]
    speeds = [found["shapes"][shape]["patched_queries_per_second"]["engine"] for shape in shapes]
    return [
        (f"engine on {found['device']}, patched queries/s", [*map(_short, speeds), ""]),
        (f"ratio to hooks on {found['device']}", [*ratios, ""]),
    ]


def _rows_of_scale(scale: dict[str, Any], shapes: Sequence[str]) -> list[Row]:
    empty, estimate = [""] * len(shapes), scale["gpu_estimate"]
    sheets = estimate["seconds_float32"], estimate["seconds_bfloat16_ranks"]
    names = {
        "encode": "encoder, both models",
        "sweep": f"{scale['patches']['sweep']} single patches",
        "stages": f"{scale['patches']['stages']} stage patches",
        "lens": "logit lens",
    }
    rows = [
        (f"{words}, {scale['queries']} queries, s", [*empty, _short(scale["seconds"][part])])
        for part, words in names.items()
    ]
    for sheet, words in zip(sheets, ("float32", "bfloat16 ranks"), strict=True):
        total = _short(sum(sheet.values()))
        name = f"all of it on one {estimate['gpu']} by its data sheet, {words}, s"
        rows.append((name, [*empty, total]))
    for size, job in scale["jobs"].items():
        cell = (
            f"{job['jobs']} jobs of up to {_short(job['seconds_longest_job'])} s, "
            f"{_short(job['seconds_all_jobs'])} s in all"
        )
        rows.append((f"the single patches at layers_per_job: {size}", [*empty, cell]))
    return rows


def _notes(report: dict[str, Any]) -> list[str]:
    machine, scale, bf16 = report["machine"], report["scale"], report["bf16"]
    rounds = next(iter(report["share_of_gemm_time_by_shape"].values()))["rounds"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    missing = report["missing_peers"]
    tiles = "with" if machine["amx"] else "without"
    return [
        f"Ratios are engine / peer in patched queries per second: median (lowest - highest) of "
        f"{rounds} interleaved rounds, on random weights.",
        "",
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']} MiB, "
        f"{tiles} AMX; {machine['threads']} thread(s), {scale['threads']} for {scale['shape']}.",
        f"- Memory: {', '.join(_memory(report, shape) for shape in report['peak_memory_mib'])}.",
        f"- bfloat16: {bf16['queries']} queries, {'with' if bf16['amx'] else 'without'} AMX.",
        f"- {scale['shape']}: time of the jobs without the start of Python and the reading of the "
        "models. The GPU's time is arithmetic: operations and bytes over data-sheet rates; sorting "
        "for the lens is not in it.",
        "- GPU: " + ("no GPU was found." if report["cuda"] is None else report["cuda"]["device"]),
        "- Left out, as not installed: " + (", ".join(missing) if missing else "nobody") + ".",
        f"- Versions: {versions}.",
    ]


def _memory(report: dict[str, Any], shape: str) -> str:
    found = report["peak_memory_mib"][shape]
    return (
        f"of {shape} {found['weights']:.0f} MiB are the weights and {found['libraries']:.0f} MiB "
        "Python and its libraries"
    )


def _bfloat16(bf16: dict[str, Any], shape: str, case: str) -> str:
    if bf16["shape"] != shape:
        return ""
    found = bf16[case]
    same = "ranks identical" if found["ranks_identical"] else "RANKS DIFFER"
    return f"{_interval(found['ratio'])}, {same}"


def _interval(found: dict[str, float] | None) -> str:
    if found is None:
        return "not installed"
    return f"{_short(found['median'])} ({_short(found['low'])} - {_short(found['high'])})"


def _short(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e+" in text else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
