"""Names of the parts of an encoder that can be swapped on their own."""


def part_names(layers: int) -> list[str]:
    """Names of the partial swaps of an encoder with `layers` layers."""
    single = [f"layer{i}.{part}" for i in range(layers) for part in ("self_attention", "mlp")]
    return ["embedding", *single, *(f"up_to.layer{i}" for i in range(layers))]
