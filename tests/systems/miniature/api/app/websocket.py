"""The page /ws: a WebSocket that sends back what it gets (RFC 6455, whole messages only)."""

import base64
import hashlib
import socket

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LARGEST_MESSAGE = 64 * 1024
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GOING_AWAY, TOO_BIG = 1001, 1009  # why a side closes


def is_asked_for(headers):
    return headers.get("Upgrade", "").lower() == "websocket" and bool(headers.get("Sec-WebSocket-Key"))


def echo(handler, sockets):
    """Until one side closes. ``sockets`` are those that the service ends when it stops."""
    accepted = hashlib.sha1((handler.headers["Sec-WebSocket-Key"] + MAGIC).encode()).digest()
    handler.close_connection = True
    handler.send_response(101)
    handler.send_header("Upgrade", "websocket")
    handler.send_header("Connection", "Upgrade")
    handler.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted).decode())
    handler.send_header("X-Served-By", socket.gethostname())
    handler.end_headers()
    handler.wfile.flush()
    handler.connection.settimeout(None)
    sockets.add(handler.connection)
    try:
        kind = TEXT
        while kind != CLOSE:
            kind, message = receive(handler.rfile)
            if kind != PONG:
                send(handler.wfile, PONG if kind == PING else kind, message)
    finally:
        sockets.discard(handler.connection)


def end(sockets):
    """Each gets what it is still owed, and a close."""
    for connection in list(sockets):
        connection.shutdown(socket.SHUT_RD)


def receive(stream):
    """Kind and content of the next frame; an end of the stream is a close."""
    head = stream.read(2)
    if len(head) < 2:
        return CLOSE, GOING_AWAY.to_bytes(2, "big")
    length = head[1] & 0x7F
    if length > 125:
        length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
    if length > LARGEST_MESSAGE:
        return CLOSE, TOO_BIG.to_bytes(2, "big")
    mask = stream.read(4) if head[1] & 0x80 else bytes(4)
    content = stream.read(length)
    return head[0] & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))


def send(stream, kind, message):
    length = len(message)
    size = bytes([length]) if length < 126 else bytes([126]) + length.to_bytes(2, "big") if length < 65536 else bytes([127]) + length.to_bytes(8, "big")
    stream.write(bytes([0x80 | kind]) + size + message)
    stream.flush()
