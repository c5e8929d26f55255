# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by the frame (RFC 9113): for what a well-behaved client would not do, or not see."""
import hpack
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

import client
from patience import PATIENCE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Http2:
    """One connection, or `over` one. Streams are numbered 1, 3, 5 … in the order of `get`."""

    def __init__(self, port=None, authority=None, *, source=None, over=None):
        self.connection = over or client.connect(port, authority, alpn=["h2"], source=source)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.next_stream = 1
        self.status, self.fields, self.body = {}, {}, {}
        self.ended, self.reset = set(), {}
        self.goaways, self.pongs = [], 0
        self.kinds = []  # of the frames that came, in their order
        self.pending, self.skimmed, self.settled = b"", 0, False
        self.connection.sendall(PREFACE + SettingsFrame(0).serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def get(self, target, more=(), end=True, method="GET", authority="localhost"):
        """Asks; returns the stream's number. Without `authority` there is no such field."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        headers = [
            (":method", method),
            (":scheme", "https"),
            *([(":authority", authority)] if authority is not None else []),
            (":path", target),
            *more,
        ]
        frame = HeadersFrame(stream, self.encoder.encode(headers, huffman=False), flags=["END_HEADERS"])
        if end:
            frame.flags.add("END_STREAM")
        self.send(frame)
        return stream

    def send(self, *frames):
        self.connection.sendall(b"".join(frame.serialize() for frame in frames))

    def settle(self, seconds=PATIENCE):
        """Reads until the server's SETTINGS are acknowledged: an acknowledgement that is sent to a
        server that has said goodbye and closed costs its last words."""
        self.connection.settimeout(seconds)
        while not self.settled:
            part = self.connection.recv(65536)
            assert part, "the connection has ended"
            self.pending += part
            self._take_frames()

    def ping(self, seconds=PATIENCE):
        """Reads until the server says that it has all that was sent."""
        wanted = self.pongs + 1
        self.send(PingFrame(0, b"01234567"))
        self.connection.settimeout(seconds)
        while self.pongs < wanted:
            part = self.connection.recv(65536)
            assert part, "the connection has ended"
            self.pending += part
            self._take_frames()

    def told(self, seconds=PATIENCE):
        """Reads until the server says that this connection is to end."""
        self.connection.settimeout(seconds)
        while not self.goaways:
            part = self.connection.recv(65536)
            assert part, "the connection has ended"
            self.pending += part
            self._take_frames()

    def cancel(self, stream):
        self.send(RstStreamFrame(stream, error_code=8))

    def read(self, *streams, seconds=PATIENCE):
        """Reads until these streams have ended; False when the connection ends before."""
        self.connection.settimeout(seconds)
        while not set(streams) <= self.ended | set(self.reset):
            try:
                part = self.connection.recv(65536)
            except (ConnectionError, TimeoutError, OSError):
                return False
            if not part:
                return False
            self.pending += part
            self._take_frames()
        return True

    def skim(self, seconds=PATIENCE):
        """Takes what comes next without looking at it; returns how many octets that was in all."""
        self.connection.settimeout(seconds)
        part = self.connection.recv(1 << 20)
        assert part, "the connection has ended"
        self.skimmed += len(part)
        self.pending = self.pending[-64:] + part
        return self.skimmed

    def _take_frames(self):
        while len(self.pending) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(self.pending[:9]))
            if len(self.pending) < 9 + size:
                return
            frame.parse_body(memoryview(self.pending[9 : 9 + size]))
            self.pending = self.pending[9 + size :]
            self._on_frame(frame)

    def _on_frame(self, frame):
        self.kinds.append(type(frame).__name__)
        stream = frame.stream_id
        if isinstance(frame, HeadersFrame):
            fields = dict(self.decoder.decode(frame.data))
            self.status[stream], self.fields[stream] = int(fields[":status"]), fields
        elif isinstance(frame, DataFrame):
            self.body[stream] = self.body.get(stream, b"") + frame.data
        elif isinstance(frame, RstStreamFrame):
            self.reset[stream] = frame.error_code
        elif isinstance(frame, GoAwayFrame):
            self.goaways.append(frame.error_code)
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]))
            self.settled = True
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        elif isinstance(frame, PingFrame):
            self.pongs += 1
        if "END_STREAM" in frame.flags:
            self.ended.add(stream)
