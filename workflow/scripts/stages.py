"""Look for stages in the contributions of a model, and say which stages its analyses use."""

from pathlib import Path

from genir.components import COMPONENTS, STAGES
from genir.files import read_csv, read_parquet, write_json
from genir.stages import default_stages, detect_stages, mean_ratios
from script import run


def main(
    contributions: Path,
    correct: Path,
    configured: dict[str, list[int]] | None,
    seed: int,
    output: Path,
) -> None:
    """Look for stages in the contributions of a model, and say which stages its analyses use.

    Args:
        contributions: contributions of every component (Parquet).
        correct: the model's correct queries (CSV).
        configured: first and last layer of the stages I, II and III; null for T5-large's, scaled by
            depth.
        seed: seed of the shuffled layer orders.
        output: JSON to write.
    """
    query_ids = read_csv(correct)["query_id"]
    ratios = mean_ratios(read_parquet(contributions), query_ids)
    detected = detect_stages(ratios, seed)
    used = configured or default_stages(len(ratios))
    supported = detected["supported"] and detected["segments"] == [used[name] for name in STAGES]
    result = {
        "detected": detected,
        "used": used,
        "status": "supported" if supported else "imposed",
        "n": len(query_ids),
        "mean_ratio": dict(zip(COMPONENTS, ratios.T.tolist(), strict=True)),
    }
    write_json(output, result)


if __name__ == "__main__":
    run(main)
