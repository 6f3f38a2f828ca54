"""A program: greets whoever connects to a port by TCP, of both families, and answers every question of DNS, put to
any of some addresses, with one."""

from __future__ import annotations

import selectors
import socket
import struct
import sys


def answer(question: bytes, address: str) -> bytes:
    """One A record for whatever was asked."""
    end = question.index(b"\0", 12) + 5
    head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    return head + question[12:end] + record


def main(words: str, port: str, address: str, *resolvers: str) -> None:
    waiting = selectors.DefaultSelector()
    listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    waiting.register(listener, selectors.EVENT_READ)
    for one in resolvers:  # each by itself: an answer must come from where it was asked for
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind((one, 53))
        waiting.register(names, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _events in waiting.select():
            if key.fileobj is listener:
                with listener.accept()[0] as visitor:
                    visitor.send(words.encode())
            else:
                question, whence = key.fileobj.recvfrom(2048)
                key.fileobj.sendto(answer(question, address), whence)


if __name__ == "__main__":
    main(*sys.argv[1:])
