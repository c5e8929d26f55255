# SPDX-License-Identifier: Apache-2.0
"""What a balancer sends in front of a connection: the PROXY protocol, both versions."""
import socket
import ssl
import struct

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21


def v1(source, target="203.0.113.1", port=40000):
    kind = "TCP6" if ":" in source else "TCP4"
    target = "2001:db8::ffff" if ":" in source else target
    return f"PROXY {kind} {source} {target} {port} 443\r\n".encode()


def v2(source=None, command=PROXY, more=b"", port=40000):
    """Without a source: the family is unspecified. `more` are TLVs."""
    if source is None:
        return SIGNATURE + struct.pack("!BBH", command, 0, len(more)) + more
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    address = socket.inet_pton(family, source)
    body = address + address + struct.pack("!HH", port, 443) + more
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + struct.pack("!BBH", command, kind, len(body)) + body


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


class Balanced:
    """A TLS connection from `local` whose first octets are `header`, sent in these pieces or, when
    it is one, together with the ClientHello."""

    def __init__(self, port, authority, header, *, local, alpn="http/1.1"):
        self.plain = socket.create_connection(("127.0.0.1", port), 10, (local, 0))
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context(cafile=str(authority))
        context.set_alpn_protocols([alpn])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")
        self.first = header
        self._step(self.tls.do_handshake)

    def _flush(self):
        octets = self.first + self.outgoing.read()
        self.first = b""
        if octets:
            self.plain.sendall(octets)

    def _step(self, what, *arguments):
        while True:
            try:
                done = what(*arguments)
                self._flush()
                return done
            except ssl.SSLWantReadError:
                self._flush()
                got = self.plain.recv(65536)
                if not got:
                    raise ConnectionError("closed") from None
                self.incoming.write(got)

    def exchange(self, octets):
        """One request; all that comes before the other side closes."""
        self._step(self.tls.write, octets)
        answer = b""
        try:
            while part := self._step(self.tls.read, 65536):
                answer += part
        except (ConnectionError, ssl.SSLError):
            pass
        return answer

    def close(self):
        self.plain.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
