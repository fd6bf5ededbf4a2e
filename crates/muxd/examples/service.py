#!/usr/bin/env python3
"""A DEALER service that takes notices, and echoes requests.

A notice tells it that a reply came back, its client having left or not reading.
"""

import argparse
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

import notices


def serve(options) -> None:
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.rcvhwm = options.hwm
    socket.identity = options.name.encode()  # the name
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.connect(options.connect)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if monitor in ready:
            # On every new connection: the broker forgets it with the old one.
            recv_monitor_message(monitor)
            socket.send_multipart(notices.hello())
        if socket in ready:
            handle(socket, socket.recv_multipart(), options.work)


def handle(socket, frames, work) -> None:
    notice = notices.parse(frames)
    if notice is None:
        client, *request = frames
        # What stands before the empty frame of a REQ is the REQ's own.
        first = request.index(b"") + 1 if b"" in request[:2] else 0
        print(f"request {request[first].decode(errors='replace')}", flush=True)
        time.sleep(work)
        socket.send_multipart([client, *request])
    elif notice.kind == notices.HELLO:
        print(f"serving {notice.frames[1].decode()}", flush=True)
    elif notice.kind == notices.RETURN:
        # Nobody waits for it any more, or its client does not read: that is the client's loss.
        print(f"reply returned {notice.why}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A DEALER service that takes notices.")
    parser.add_argument("name", help="what clients call it")
    parser.add_argument("--connect", default="tcp://127.0.0.1:5556", metavar="URL")
    parser.add_argument("--work", type=float, default=0, help="seconds for each request")
    parser.add_argument("--hwm", type=int, default=1000, help="requests that libzmq reads ahead")
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
