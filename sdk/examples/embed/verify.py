#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Says who has sent requests, as verify.c does: through libcmp-embed, by ctypes alone.

    verify.py LIBRARY PLUGINS KEYRING < queries
"""
import ctypes
import sys
from ctypes import POINTER, Structure, c_bool, c_char, c_char_p, c_int, c_int64, c_size_t
from ctypes import c_uint8, c_uint32, c_uint64, c_void_p


class Str(Structure):
    _fields_ = [("at", c_void_p), ("size", c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.at, self.size).decode() if self.at else ""


class Error(Structure):
    _fields_ = [("text", c_char * 4096)]


class Sized(Structure):
    """A struct that may grow says how large it was when this was written."""

    def __init__(self, **fields):
        super().__init__(size=ctypes.sizeof(self), **fields)


class Settings(Sized):
    _fields_ = [
        ("size", c_size_t), ("flags", c_uint32), ("folder", c_char_p), ("keyring", c_char_p),
        ("peers", c_void_p), ("peer_count", c_size_t), ("replay", c_void_p),
        ("timeout_ms", c_uint64), ("log", c_void_p), ("store_changed", c_void_p),
        ("arg", c_void_p),
    ]


class Request(Sized):
    _fields_ = [
        ("size", c_size_t), ("form", Str), ("json", Str), ("params", c_void_p),
        ("param_count", c_size_t), ("headers", c_void_p), ("header_count", c_size_t),
        ("source", c_void_p), ("listener", Str), ("interface", c_int), ("certificate", c_void_p),
        ("requestor", Str), ("now_ms", c_int64),
    ]


class Answer(Sized):
    _fields_ = [
        ("size", c_size_t), ("status", c_int), ("code", c_char_p), ("reason", c_char_p),
        ("verdict", c_int), ("peer", Str), ("credential", Str), ("signature", c_void_p),
        ("record", c_void_p), ("routed", c_void_p), ("embed", c_void_p), ("asked", c_void_p),
        ("fingerprint", c_uint8 * 16), ("remembered", c_bool),
    ]


class Verifier:
    """auth_hmac with a keyring; for the thread that makes it."""

    def __init__(self, library, plugins, keyring):
        self.lib = ctypes.CDLL(library)
        opening = self.lib.cmp_embed_open
        opening.restype = c_void_p
        opening.argtypes = [c_char_p, c_char_p, c_char_p, POINTER(Settings), POINTER(Error)]
        attaching = self.lib.cmp_embed_attach
        attaching.restype = c_void_p
        attaching.argtypes = [c_void_p, POINTER(Error)]
        self.lib.cmp_embed_verify.argtypes = [c_void_p, POINTER(Request), POINTER(Answer)]
        error = Error()
        settings = Settings(keyring=keyring.encode())
        self.embed = c_void_p(opening(plugins.encode(), b"auth_hmac", None, settings, error))
        if not self.embed:
            raise RuntimeError(error.text.decode())
        self.worker = c_void_p(attaching(self.embed, error))
        if not self.worker:
            raise RuntimeError(error.text.decode())

    def verify(self, query):
        """The status, and the peer or what is wrong."""
        octets = query.encode()
        buffer = ctypes.create_string_buffer(octets, len(octets))
        answer = Answer()
        request = Request(form=Str(ctypes.addressof(buffer), len(octets)))
        status = self.lib.cmp_embed_verify(self.worker, request, answer)
        if status == 200:
            said = str(answer.peer)
        else:
            said = f"{answer.code.decode()}: {(answer.reason or b'').decode()}"
        self.lib.cmp_embed_done(ctypes.byref(answer), status)
        return status, said

    def close(self):
        self.lib.cmp_embed_detach(ctypes.byref(self.worker))
        self.lib.cmp_embed_close(ctypes.byref(self.embed))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        verifier = Verifier(*sys.argv[1:])
    except RuntimeError as error:
        sys.exit(str(error))
    for line in sys.stdin:
        print(*verifier.verify(line.rstrip("\n")), flush=True)
    verifier.close()
