# SPDX-License-Identifier: Apache-2.0
"""Clients of a CMP: one that speaks HTTP properly, and one that sends exact octets."""
import json
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx
from patience import PATIENCE

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes
    version: str = ""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code word of an error."""
        return self.json.get("code")


def written(pairs):
    return urlencode(list(pairs), quote_via=quote)


def send(
    url,
    authority,
    pairs=(),
    *,
    carriage="get",
    http2=False,
    source=None,
    method=None,
    headers=None,
    body=None,
    content_type=None,
    query=None,
    timeout=PATIENCE,
):
    """One request on a connection of its own. `pairs` are the message's parameters in order."""
    headers = dict(headers or {})
    if carriage == "get":
        query = written(pairs) if query is None else query
    elif carriage == "form":
        body = written(pairs).encode() if body is None else body
        content_type = content_type or FORM
    elif carriage == "json":
        body = json.dumps(dict(pairs)).encode() if body is None else body
        content_type = content_type or JSON
    if content_type:
        headers["content-type"] = content_type
    transport = httpx.HTTPTransport(
        verify=ssl.create_default_context(cafile=str(authority)),
        http2=http2,
        http1=not http2,
        local_address=source,
    )
    with httpx.Client(transport=transport, timeout=timeout) as client:
        reply = client.request(
            method or ("GET" if carriage == "get" else "POST"),
            url + (f"?{query}" if query else ""),
            content=body,
            headers=headers,
        )
    return Answer(reply.status_code, reply.headers, reply.content, reply.http_version)


def connect(
    port, authority, *, host="127.0.0.1", alpn=("http/1.1",), lowest=None, highest=None, source=None
):
    """A TLS connection. `lowest` and `highest` are TLS versions, `source` is an address of ours."""
    context = ssl.create_default_context(cafile=str(authority))
    if highest is not None and highest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")  # else the client itself would refuse
    context.minimum_version = lowest or ssl.TLSVersion.TLSv1_2
    context.maximum_version = highest or ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(list(alpn))
    own = (source, 0) if source is not None else None
    plain = socket.create_connection((host, port), timeout=PATIENCE, source_address=own)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except Exception:
        plain.close()
        raise


def receive_all(connection, seconds=PATIENCE):
    """Everything until the other side closes, and whether it did so in time."""
    connection.settimeout(seconds)
    got = b""
    try:
        while True:
            part = connection.recv(65536)
            if not part:
                return got, True
            got += part
    except (ConnectionResetError, ssl.SSLEOFError):
        return got, True
    except (socket.timeout, TimeoutError):
        return got, False


def exchange(port, authority, octets, seconds=PATIENCE):
    """Sends exactly these octets; returns the answers as octets, and whether it was closed."""
    with connect(port, authority) as connection:
        connection.sendall(octets)
        return receive_all(connection, seconds)


def parse(octets):
    """The first HTTP/1.1 answer in some octets."""
    head, _, rest = octets.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines[1:]])
    size = int(headers.get("content-length", len(rest)))
    return Answer(int(lines[0].split()[1]), headers, rest[:size], lines[0].split()[0])
