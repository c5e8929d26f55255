# SPDX-License-Identifier: Apache-2.0
"""What lies in the memory of a process: all that can be read of it, searched for octets."""
import base64
import hashlib
import struct
import time

STEP = 1 << 20  # octets that are read at a time


def mappings(pid):
    """(begin, end, name) of what can be read and may hold data."""
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            where, mode, *_, name = (line.rstrip("\n") + " ").split(" ", 5)
            begin, end = (int(address, 16) for address in where.split("-"))
            if mode[0] == "r" and name.strip() not in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                yield begin, end, name.strip()


def pieces(pid):
    """(address, octets, name), each with enough of the one before for what lies across both."""
    overlap = 256
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, name in mappings(pid):
            for at in range(begin, end, STEP):
                first = max(begin, at - overlap)
                try:
                    memory.seek(first)
                    octets = memory.read(min(end, at + STEP) - first)
                    if octets != bytes(len(octets)):
                        yield first, octets, name
                except OSError:
                    break  # gone meanwhile, or a device


def search(pid, needles):
    """Where each of the needles (octets by name) lies: a line each."""
    found = []
    for address, octets, name in pieces(pid):
        for what, needle in needles.items():
            at = octets.find(needle)
            while at >= 0:
                found.append(f"{what} at {address + at:#x} in {name or 'anonymous memory'}")
                at = octets.find(needle, at + 1)
    return sorted(set(found))


# ---- what is derived of a key ----


def _rotate(x, by):
    return (x >> by | x << 32 - by) & 0xFFFFFFFF


def _primes(count):
    found = []
    candidate = 2
    while len(found) < count:
        if all(candidate % p for p in found):
            found.append(candidate)
        candidate += 1
    return found


def _root_bits(number, root):
    """The first 32 bits of the fraction of a root, as FIPS 180-4 (4.2.2, 5.3.3) wants them."""
    low, high = 0, number << 32
    target = number << 32 * root
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**root <= target else (low, middle)
    return low & 0xFFFFFFFF


ROUNDS = [_root_bits(p, 3) for p in _primes(64)]
START = [_root_bits(p, 2) for p in _primes(8)]


def sha256_state(block):
    """The eight words of SHA-256 after one block of 64 octets (FIPS 180-4, 6.2.2): what HMAC keeps
    of a key."""
    words = list(struct.unpack(">16I", block))
    for i in range(16, 64):
        x, y = words[i - 15], words[i - 2]
        s0 = _rotate(x, 7) ^ _rotate(x, 18) ^ x >> 3
        s1 = _rotate(y, 17) ^ _rotate(y, 19) ^ y >> 10
        words.append((words[i - 16] + s0 + words[i - 7] + s1) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = START
    for constant, word in zip(ROUNDS, words):
        s1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        t1 = h + s1 + (e & f ^ ~e & g) + constant + word
        t2 = (_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g
    return [(x + y) & 0xFFFFFFFF for x, y in zip(START, (a, b, c, d, e, f, g, h))]


def traces(secret):
    """All forms in which a key of HMAC with SHA-256 may lie somewhere: 16 octets of each, from both
    ends, since a part of it may have been overwritten."""
    if len(secret) > 64:
        secret = hashlib.sha256(secret).digest()
    forms = {
        "the secret": secret,
        "its hex": secret.hex().encode(),
        "its hex, large": secret.hex().upper().encode(),
        "its base64": base64.b64encode(secret).rstrip(b"="),
        "its base64url": base64.urlsafe_b64encode(secret).rstrip(b"="),
    }
    for name, pad in (("inner", 0x36), ("outer", 0x5C)):
        block = bytes(octet ^ pad for octet in secret.ljust(64, b"\0"))
        state = sha256_state(block)
        forms[f"the {name} block"] = block[: len(secret)]
        forms[f"the {name} block's words"] = struct.pack("<16I", *struct.unpack(">16I", block))[
            : len(secret) // 4 * 4
        ]
        forms[f"the {name} state"] = struct.pack("<8I", *state)
        forms[f"the {name} state, turned round"] = struct.pack(">8I", *state)
    needles = {f"{name} (begin)": form[:16] for name, form in forms.items()}
    return needles | {f"{name} (end)": form[-16:] for name, form in forms.items()}
