"""The value generator of portbench_backend::generate, written from its specification alone.

Prints the golden values that tests/generate.rs holds: `python3 crates/backend/tests/generate.py`.
"""

import struct

MASK = (1 << 64) - 1


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def fnv1a64(name: str) -> int:
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def draw(seed: int, name: str, i: int) -> int:
    key = mix((fnv1a64(name) + mix(seed)) & MASK)
    return mix((key + (i + 1) * 0x9E3779B97F4A7C15) & MASK)


def normal(u: int, std: float) -> float:
    total = sum((u >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    return (total - 131070) * (std / (((1 << 32) - 1) / 3) ** 0.5)


def uniform(u: int, bound: float) -> float:
    return ((u >> 11) * 2.0**-53 * 2 - 1) * bound


def integer(u: int, low: int, high: int) -> int:
    return low + ((u >> 32) * (high - low) >> 32)


def f32_bits(x: float) -> int:
    return struct.unpack("<I", struct.pack("<f", x))[0]


if __name__ == "__main__":
    name, seed = "h.0.attn.c_attn.weight", 7
    draws = [draw(seed, name, i) for i in (0, 1, 2, 1_000_000)]
    print("draws   ", [hex(u) for u in draws])
    print("normal  ", [hex(f32_bits(normal(u, 0.02))) for u in draws])
    print("uniform ", [hex(f32_bits(uniform(u, 0.5))) for u in draws])
    print("integers", [integer(u, 0, 50257) for u in draws])
