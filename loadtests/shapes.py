"""How a crowd grows and shrinks."""


def users_at(shape: str, at_s: float, *, step_s: float, most: int) -> int | None:
    """Return how many users a shape has at a time; None when it is over.

    Args:
        shape: steps (twice as many each time), soak (always half of the most), or spike (few, then
            all at once for half a step, then few again).
        at_s: seconds since the start.
        step_s: how long a step is.
        most: how many there are at most.

    Raises:
        ValueError: there is no such shape.
    """
    few = max(1, most // 8)
    steps = {
        "steps": [min(2**step, most) for step in range((most - 1).bit_length() + 1)],
        "soak": [max(1, most // 2)] * 15,
        "spike": [few, few, most, few, few, few],
    }
    if shape not in steps:
        raise ValueError(f"steps, soak, spike or none; received {shape}")
    place = int(at_s // step_s)
    return steps[shape][place] if place < len(steps[shape]) else None
