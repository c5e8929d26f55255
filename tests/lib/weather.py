# SPDX-License-Identifier: Apache-2.0
"""A peer of bad manners, by the frame: it changes its limit of streams, says goodbye, refuses, dies,
answers wrongly or not at all. Which, and when, is drawn; what it does answer is right."""
import json
import random
import ssl
from urllib.parse import parse_qsl

import hpack
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

LIMIT = SettingsFrame.MAX_CONCURRENT_STREAMS
GONE = (OSError, ssl.SSLError)


def content_of(ici):
    return f"https://weather.example.net/{ici}"


def found_by_peer(fields, body):
    """MC-3: the right answer to a request in a query."""
    asked = dict(parse_qsl(fields[":path"].partition("?")[2]))
    told = {"tid": asked["tid"], "ici": asked["ici"], "status": "resolved"}
    told |= {"content": content_of(asked["ici"]), "content_type": "uri", "ttl": 60}
    return json.dumps(told).encode()


def found_by_store(fields, body):
    """The interface codes: the right answer to a look-up."""
    records = [{"ici": ici, "content": content_of(ici)} for ici in json.loads(body)["icis"]]
    return json.dumps({"records": records}).encode()


class Weather:
    """For Recipient.visit. `fair`: from now on everything is answered, properly."""

    def __init__(self, find, seed):
        self.find = find
        self.random = random.Random(seed)
        self.fair = False

    def visit(self, connection, number):
        if connection.selected_alpn_protocol() != "h2":
            return True
        try:
            Visit(self, connection).run()
        except GONE:
            pass
        return False


class Visit:
    """One connection."""

    def __init__(self, weather, connection):
        self.weather, self.connection = weather, connection
        self.draw = weather.random
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.pending = b""
        self.requests = {}  # stream: its fields and its body
        self.open, self.last = [], 0
        self.leaving = False
        self.lifetime = self.draw.randrange(1, 60)  # in requests

    def run(self):
        if not self.weather.fair and self.draw.random() < 0.05:
            return  # it takes connections, and that is all
        self.skip_preface()
        self.send(SettingsFrame(0, settings={LIMIT: self.limit()}))
        while self.connection.fileno() >= 0 and not self.leaving:
            self.pending += self.receive()
            self.take_frames()

    def limit(self):
        return 100 if self.weather.fair else self.draw.choice([0, 1, 1, 2, 5, 20, 100, 1000])

    def receive(self):
        octets = self.connection.recv(self.draw.choice([100, 4096, 65536]))
        if not octets:
            raise ConnectionError
        return octets

    def skip_preface(self):
        while len(self.pending) < 24:
            self.pending += self.receive()
        self.pending = self.pending[24:]

    def send(self, *frames):
        self.connection.sendall(b"".join(frame.serialize() for frame in frames))

    def take_frames(self):
        while len(self.pending) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(self.pending[:9]))
            if len(self.pending) < 9 + size:
                return
            frame.parse_body(memoryview(self.pending[9 : 9 + size]))
            self.pending = self.pending[9 + size :]
            self.on_frame(frame)

    def on_frame(self, frame):
        stream = frame.stream_id
        if isinstance(frame, HeadersFrame):
            self.requests[stream] = (dict(self.decoder.decode(frame.data)), bytearray())
        elif isinstance(frame, DataFrame) and stream in self.requests:
            self.requests[stream][1].extend(frame.data)
            if frame.data:
                self.send(WindowUpdateFrame(0, window_increment=len(frame.data)))
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        if "END_STREAM" in frame.flags and stream in self.requests:
            self.last = max(self.last, stream)
            self.open.append(stream)
            self.on_request()

    def on_request(self):
        if self.weather.fair:
            self.answer_all()
            return
        self.lifetime -= 1
        moods = [self.answer_one] * 4 + [self.answer_all] * 6 + [self.change_limit, self.refuse]
        self.draw.choice(moods + [self.stay_silent] * 2)()
        if self.lifetime <= 0:
            self.leave()

    # ---- moods ----

    def stay_silent(self):
        pass

    def change_limit(self):
        self.send(SettingsFrame(0, settings={LIMIT: self.limit()}))

    def refuse(self):
        stream = self.open.pop()
        self.send(RstStreamFrame(stream, error_code=self.draw.choice([7, 2, 8])))

    def answer_one(self):
        self.answer(self.open.pop(self.draw.randrange(len(self.open))))

    def answer_all(self):
        while self.open:
            self.answer(self.open.pop(0))

    def answer(self, stream):
        fields, body = self.requests.pop(stream)
        told = self.weather.find(fields, bytes(body))
        if not self.weather.fair and self.draw.random() < 0.1:
            told = told[: self.draw.randrange(len(told))]
        head = [(":status", "200"), ("content-type", "application/json")]
        self.send(
            HeadersFrame(stream, self.encoder.encode(head), flags=["END_HEADERS"]),
            DataFrame(stream, told, flags=["END_STREAM"]),
        )

    def leave(self):
        """With a word or without, and with what was promised or without."""
        how = self.draw.choice(["goodbye", "goodbye", "goodbye, reading on", "error", "die"])
        if how != "die":
            last = self.draw.choice([0, self.last, max(0, self.last - 2 * self.draw.randrange(20))])
            error = 2 if how == "error" else 0
            self.send(GoAwayFrame(0, last_stream_id=last, error_code=error))
        if how == "goodbye, reading on":
            self.lifetime = 20
            self.answer_all()
        else:
            self.leaving = True
