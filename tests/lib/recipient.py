# SPDX-License-Identifier: Apache-2.0
"""A recipient of MC-3 that is not cmpd: TLS, HTTP/1.1 and HTTP/2, the signature checked with
Python's own hmac (9.3.2). It answers properly unless it is told to misbehave."""
import base64
import hmac
import json
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from daemon import free_port
from patience import PATIENCE

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PROBLEM = "application/problem+json"
ENDED = (OSError, ssl.SSLError, h2.exceptions.ProtocolError)


@dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes
    http: str  # "1.1" or "2"
    connection: int
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def carriage(self):
        if self.method == "GET":
            return "query"
        return {FORM: "form", JSON: "json"}[self.headers["content-type"]]

    @property
    def pairs(self):
        """The message's parameters in order."""
        if self.carriage == "json":
            return json.loads(self.body, object_pairs_hook=list)
        text = self.target.partition("?")[2] if self.method == "GET" else self.body.decode()
        return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")

    @property
    def params(self):
        pairs = self.pairs
        assert len(dict(pairs)) == len(pairs), f"a parameter comes twice: {pairs}"
        return dict(pairs)


@dataclass
class Reply:
    """What is answered, and how: `raw` octets instead of HTTP; `hang`: never; `close`: the
    connection is closed instead; `deaf`: nothing more is read from it."""

    status: int = 200
    body: bytes = b""
    type: str = JSON
    headers: dict = field(default_factory=dict)
    delay: float = 0
    raw: bytes = None
    hang: bool = False
    close: bool = False
    deaf: bool = False


def resolved(request, content="https://py.example.net/", **members):
    """A good answer; `members` replace or add some of it, None leaves one out."""
    params = request.params
    told = {"tid": params["tid"], "ici": params["ici"], "status": "resolved", "content": content}
    told |= {"content_type": "uri", "ttl": 60} | members
    return Reply(body=json.dumps({k: v for k, v in told.items() if v is not None}).encode())


def referral(request, addr, prefix=None, ttl=60, **members):
    params = request.params
    told = {"tid": params["tid"], "ici": params["ici"], "status": "referral", "addr": addr}
    told |= {"ttl": ttl} | ({"prefix": prefix} if prefix else {}) | members
    return Reply(body=json.dumps(told).encode())


def problem(status, code, request=None, headers=None, **members):
    told = {"type": "about:blank", "title": code, "status": status, "code": code} | members
    if request is not None:
        told["tid"] = request.params["tid"]
    return Reply(status, json.dumps(told).encode(), PROBLEM, headers or {})


def signature_octets(text):
    """Hex or base64, as the recipient of a signature has to find out."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return base64.b64decode(text, validate=True)


def cut(connection):
    """Ends a connection under the thread that reads it: that of TLS is left as it is, or the thread
    would read ciphertext."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended already


class Recipient:
    """Listens on loopback. `codes` are {ici: content}; `answer` may be replaced by a function of a
    request that returns a Reply, `greet` by one of a plain socket: false means no TLS, and `visit` by
    one of a TLS connection and its number: false means that it has spoken on it as it likes."""

    def __init__(self, host, authority, *, protocols=("h2", "http/1.1"), names=None):
        self.host = host
        self.names = names or (host, "127.0.0.1")
        self.authority = authority
        self.protocols = list(protocols)
        self.versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        self.certificate = None  # paths; by default a good one
        self.keys = []
        self.codes = {}
        self.unsigned = False
        self.answer = self.answer_properly
        self.greet = lambda plain: True
        self.visit = lambda connection, number: True
        self.requests, self.verified = [], []
        self.connections = 0
        self.port = free_port()
        self.listening = None
        self.threads, self.sockets = [], set()
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    # ---- life ----

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, self.certificate or self.authority.issue(*self.names)))
        context.set_alpn_protocols(self.protocols)
        if self.versions[0] < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")  # else it would be OpenSSL that refuses
        context.minimum_version, context.maximum_version = self.versions
        self.context = context
        self.listening = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.stopping.clear()
        self._run(self._accept, self.listening)
        return self

    def stop(self):
        """Closes everything; may be started again at the same port."""
        if self.listening is None:
            return
        self.stopping.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        with self.lock:
            for s in self.sockets:
                cut(s)
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a recipient's thread does not end"
        self.listening.close()
        self.listening, self.threads = None, []

    def _run(self, what, *args):
        thread = threading.Thread(target=what, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    # ---- what it says ----

    def is_signed_well(self, request):
        params = request.params
        for key in self.keys:
            if key.id == params.get("apikeyid"):
                mac = hmac.new(key.secret, (params["tid"] + params["ici"]).encode(), key.hash)
                return signature_octets(params.get("signature", "")) == mac.digest()
        return False

    def answer_properly(self, request):
        if not self.unsigned and not self.is_signed_well(request):
            return problem(401, "authentication_failed", request)
        self.verified.append(request)
        ici = request.params["ici"]
        if ici not in self.codes:
            return problem(404, "unknown_ici", request)
        return resolved(request, self.codes[ici])

    # ---- connections ----

    def _accept(self, listening):
        while not self.stopping.is_set():
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            self._run(self._serve, plain, self.connections)

    def _hold(self, connection):
        """So that stop() ends it, if it has not begun."""
        with self.lock:
            self.sockets.add(connection)
            return not self.stopping.is_set()

    def _let_go(self, connection):
        with self.lock:
            self.sockets.discard(connection)
        connection.close()

    def _serve(self, plain, number):
        connection = plain
        try:
            if not self._hold(plain) or not self.greet(plain):
                self.stopping.wait(PATIENCE)
                return
            with self.lock:  # `plain` is nothing afterwards
                self.sockets.discard(plain)
                connection = self.context.wrap_socket(
                    plain, server_side=True, do_handshake_on_connect=False
                )
            if self._hold(connection):
                self._serve_tls(connection, number)
        except ENDED:
            pass
        finally:
            self._let_go(connection)

    def _serve_tls(self, connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.do_handshake()
        if not self.visit(connection, number):
            return
        spoken = connection.selected_alpn_protocol()
        (self._serve_h2 if spoken == "h2" else self._serve_h1)(connection, number)

    def _take(self, request):
        with self.lock:
            self.requests.append(request)
        reply = self.answer(request)
        if reply.hang:
            self.stopping.wait(PATIENCE)
        elif reply.delay:
            self.stopping.wait(reply.delay)
        return reply

    # ---- HTTP/1.1 ----

    def _serve_h1(self, connection, number):
        reader = connection.makefile("rb")
        while True:
            first = reader.readline(65536)
            if not first.strip():
                return
            method, target, _ = first.decode("latin-1").split()
            headers = {}
            while line := reader.readline(65536).strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            size = int(headers.get("content-length", 0))
            body = reader.read(size)
            if len(body) < size:
                return
            reply = self._take(Request(method, target, headers, body, "1.1", number))
            if reply.close or reply.hang:
                return
            connection.sendall(reply.raw if reply.raw is not None else self._h1_octets(reply))
            if reply.deaf:
                self.stopping.wait(PATIENCE)
                return

    @staticmethod
    def _h1_octets(reply):
        lines = [f"HTTP/1.1 {reply.status} Told", f"Content-Type: {reply.type}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [f"Content-Length: {len(reply.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + reply.body

    # ---- HTTP/2 ----

    def _serve_h2(self, connection, number):
        answering = []
        try:
            self._read_h2(connection, number, answering)
        finally:
            for thread in answering:  # the connection is closed after this
                thread.join()

    @staticmethod
    def _receive(connection, lock):
        """A TLS connection is not for two threads at once, not even to read and to write."""
        if not connection.pending():
            select.select([connection], [], [])
        with lock:
            return connection.recv(65536)

    def _read_h2(self, connection, number, answering):
        stack = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        stack.initiate_connection()
        connection.sendall(stack.data_to_send())
        streams, lock = {}, threading.Lock()
        deaf = threading.Event()
        while octets := self._receive(connection, lock):
            with lock:
                events = stack.receive_data(octets)
                for event in events:
                    if isinstance(event, h2.events.RequestReceived):
                        streams[event.stream_id] = (dict(event.headers), bytearray())
                    elif isinstance(event, h2.events.DataReceived):
                        streams[event.stream_id][1].extend(event.data)
                        stack.acknowledge_received_data(
                            event.flow_controlled_length, event.stream_id
                        )
                connection.sendall(stack.data_to_send())
            for event in events:
                if isinstance(event, h2.events.StreamEnded):
                    fields, body = streams.pop(event.stream_id)
                    request = Request(
                        fields[":method"], fields[":path"], fields, bytes(body), "2", number
                    )
                    way = (connection, stack, lock, event.stream_id)
                    answering.append(self._run(self._answer_h2, *way, request, deaf))
            for thread in answering if self.may_go_deaf else ():
                thread.join()
            if deaf.is_set():
                self.stopping.wait(PATIENCE)
                return

    may_go_deaf = False  # set it before a Reply with `deaf`

    def _answer_h2(self, connection, stack, lock, stream, request, deaf):
        try:
            reply = self._take(request)
            if reply.hang:
                return
            if reply.close:
                cut(connection)
                return
            with lock:
                if reply.raw is not None:
                    connection.sendall(reply.raw)
                    return
                fields = [(":status", str(reply.status)), ("content-type", reply.type)]
                fields += [(name.lower(), str(value)) for name, value in reply.headers.items()]
                stack.send_headers(stream, fields)
                self._send_h2_body(connection, stack, stream, reply.body)
            if reply.deaf:
                deaf.set()
        except ENDED:
            pass

    @staticmethod
    def _send_h2_body(connection, stack, stream, body):
        """As much as the window holds: no answer that is to be taken is larger."""
        body = body[: stack.local_flow_control_window(stream)]
        size = stack.max_outbound_frame_size
        for at in range(0, len(body), size):
            stack.send_data(stream, body[at : at + size])
        stack.end_stream(stream)
        connection.sendall(stack.data_to_send())
