#!/usr/bin/env python3
"""A REQ client that takes notices: it never hangs on a service that has ended.

Ends with status 0 if there was an answer, 1 if the request was not processed, and 2 if it is in
doubt.
"""

import argparse
import time

import zmq

import notices


def connect(options):
    """Returns a REQ whose broker knows that it takes notices; None if there is no broker."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.linger = 0
    # So that it may ask again without an answer, and passes over the answer to what it gave up.
    socket.req_relaxed = True
    socket.req_correlate = True
    socket.rcvtimeo = int(options.timeout * 1000)
    socket.connect(options.connect)
    # HELLO is a request like any other.
    socket.send_multipart(notices.hello())
    try:
        notice = notices.parse(socket.recv_multipart())
    except zmq.Again:
        socket.close()
        return None
    assert notice is not None and notice.kind == notices.HELLO
    return socket


def ask(options) -> int:
    # A program that goes on after "no answer in time" makes a new socket: the connection may be
    # another by now, on which nobody has said HELLO.
    socket = connect(options)
    if socket is None:
        print("gave up: no broker", flush=True)
        return 1
    for attempt in range(options.attempts):
        socket.send_multipart([options.name.encode(), options.body.encode()])
        try:
            frames = socket.recv_multipart()
        except zmq.Again:
            print("in doubt: no answer in time", flush=True)
            return 2
        notice = notices.parse(frames)
        if notice is None:
            print(f"answered {frames[1].decode()}", flush=True)
            return 0
        if notice.kind == notices.GONE:
            print(f"in doubt: {notice.why}", flush=True)
            return 2
        print(f"returned {notice.why}", flush=True)
        time.sleep(max(notice.retry_after, 0.05 * 2**attempt))
    print("gave up", flush=True)
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(description="A REQ client that takes notices.")
    parser.add_argument("name", help="the service to ask")
    parser.add_argument("body", nargs="?", default="hello")
    parser.add_argument("--connect", default="tcp://127.0.0.1:5555", metavar="URL")
    parser.add_argument("--timeout", type=float, default=5, help="seconds for each attempt")
    parser.add_argument("--attempts", type=int, default=5, help="how often it is sent at most")
    return ask(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
