"""What the double says of its host."""

import os


def get_platform_target() -> str:
    """The family of the devices there would be."""
    return os.environ.get("PORTBENCH_DOUBLE_TARGET", "trn1")
