#!/usr/bin/env python3
"""A DEALER client that takes notices.

Sends numbered requests to one service, all at once, and settles each of them in one of three ways:

    answered   the reply has come
    gave up    it was returned, so it was not processed, and the attempts or the time are used up
    in doubt   the service or the connection ended before a reply: it may have been processed

Ends with status 0 if all were answered.
"""

import argparse
import heapq
import random
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

import notices


class Client:
    def __init__(self, options):
        self.name = options.name.encode()
        self.attempts_max = options.attempts
        self.until = time.monotonic() + options.budget
        body = options.body.encode().ljust(options.size, b".")
        # Requests are kept until they are settled: a RETURN need not hold all of one.
        self.unsettled = {str(number).encode(): body for number in range(options.count)}
        self.attempts = dict.fromkeys(self.unsettled, 0)
        self.sent = set()  # of the unsettled, those that the broker or the service has
        self.later = [(0.0, number) for number in self.unsettled]  # when to send the others
        self.counts = {"answered": 0, "gave up": 0, "in doubt": 0}
        self.takes_notices = False  # whether the broker knows that on this connection
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = 0  # or many requests at once would wait in send_multipart()
        self.monitor = self.socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self.socket.connect(options.connect)

    def run(self) -> int:
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        while self.unsettled and time.monotonic() < self.until:
            ready = dict(poller.poll(self.send_what_is_due() * 1000))
            if self.socket in ready:
                self.handle_messages()
            if self.monitor in ready:
                self.handle_event(recv_monitor_message(self.monitor)["event"])
        for number in list(self.unsettled):
            self.settle(number, "in doubt" if number in self.sent else "gave up", "no time left")
        print(", ".join(f"{outcome} {count}" for outcome, count in self.counts.items()), flush=True)
        return 0 if self.counts["answered"] == len(self.attempts) else 1

    def handle_event(self, event) -> None:
        """Says HELLO on every new connection: the broker forgets it with the old one."""
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.socket.send_multipart(notices.hello())
        else:
            self.takes_notices = False
            self.handle_messages()  # that arrived before
            self.in_doubt("the connection ended")

    def send_what_is_due(self) -> float:
        """Returns for how long there is nothing to send."""
        now = time.monotonic()
        wait = self.until - now
        while self.takes_notices and self.later:
            due, number = self.later[0]
            if due > now:
                wait = min(wait, due - now)
                break
            heapq.heappop(self.later)
            self.attempts[number] += 1
            self.sent.add(number)
            # The number stands first: a RETURN that is cut still has it.
            self.socket.send_multipart([self.name, number, self.unsettled[number]])
        return max(wait, 0)

    def handle_messages(self) -> None:
        try:
            while True:
                self.handle_message(self.socket.recv_multipart(zmq.DONTWAIT))
        except zmq.Again:
            pass

    def handle_message(self, frames) -> None:
        notice = notices.parse(frames)
        if notice is None:
            self.settle(frames[1], "answered", "")
        elif notice.kind == notices.HELLO:
            self.takes_notices = True
            print("hello", flush=True)
        elif notice.kind == notices.RETURN:
            self.returned(notice)
        elif notice.kind == notices.GONE and notice.frames == [self.name]:
            # It stands behind the last reply and all RETURNs of that service.
            self.in_doubt(notice.why)

    def returned(self, notice) -> None:
        """Sends it again later: it was not processed."""
        _, *request = notice.frames
        if not request or request[0] not in self.sent:
            # A broker that is short of room returns no frames. Time will settle that request.
            return
        number = request[0]
        self.sent.discard(number)
        if self.attempts[number] >= self.attempts_max:
            self.settle(number, "gave up", notice.why)
            return
        # Twice as long each time, and never in step with other clients.
        wait = 0.05 * 2 ** self.attempts[number] * random.uniform(0.5, 1)
        wait = max(wait, notice.retry_after)
        print(f"returned {number.decode()} {notice.why}", flush=True)
        heapq.heappush(self.later, (time.monotonic() + wait, number))

    def in_doubt(self, why) -> None:
        """Gives up on what was sent; to send it again could do it twice."""
        for number in sorted(self.sent, key=int):
            self.settle(number, "in doubt", why)

    def settle(self, number, outcome, why) -> None:
        if self.unsettled.pop(number, None) is None:
            return  # a reply to what was in doubt: it was processed after all
        self.sent.discard(number)
        self.counts[outcome] += 1
        print(f"{outcome} {number.decode()} {why}".rstrip(), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="A DEALER client that takes notices.")
    parser.add_argument("name", help="the service to ask")
    parser.add_argument("body", nargs="?", default="hello")
    parser.add_argument("--connect", default="tcp://127.0.0.1:5555", metavar="URL")
    parser.add_argument("--count", type=int, default=1, help="how many requests, all at once")
    parser.add_argument("--size", type=int, default=0, help="at least so many octets in each")
    parser.add_argument("--attempts", type=int, default=5, help="how often each is sent at most")
    parser.add_argument("--budget", type=float, default=10, help="seconds for all of it")
    return Client(parser.parse_args()).run()


if __name__ == "__main__":
    raise SystemExit(main())
