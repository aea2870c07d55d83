"""Profiles and notes of users: asyncio, a small pool of connections to Redis, nothing but the standard library.

A request whose client goes away is cancelled. With --fault the pool takes the connection back although its answer has not
been read, as redis-py 4.5.1 did in the accident of 20 March 2023: whoever borrows it next reads that answer.
"""

import argparse
import asyncio
import json
import sys

# Most bytes of a request's head and of its body.
HEAD, BODY = 16 * 1024, 64 * 1024


class Connection:
    """A connection to Redis: a command, then its answer."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, *words):
        parts = [word.encode() for word in words]
        head = b"*%d\r\n" % len(parts)
        self.writer.write(head + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        await self.writer.drain()
        line = (await self.reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            if rest == b"-1":
                return None
            return (await self.reader.readexactly(int(rest) + 2))[:-2].decode()
        if kind == b"-":
            raise OSError(f"redis: {rest.decode()}")
        return rest.decode()


class Pool:
    """Connections that are lent for one command; the one that came back last goes first."""

    def __init__(self, host, port, fault):
        self.host, self.port, self.fault = host, port, fault
        self.idle = []

    async def ask(self, *words):
        if self.idle:
            connection = self.idle.pop()
        else:
            connection = Connection(*await asyncio.open_connection(self.host, self.port))
        try:
            answer = await connection.ask(*words)
        except BaseException:
            if self.fault:
                self.idle.append(connection)
            else:
                # The answer that was not read would be the next borrower's.
                connection.writer.close()
            raise
        self.idle.append(connection)
        return answer

    def empty(self):
        while self.idle:
            self.idle.pop().writer.close()


class Exchange(asyncio.Protocol):
    """A client's connection, HTTP/1.1, one request at a time."""

    def __init__(self, handle):
        self.handle, self.received, self.task = handle, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        self.go_on()

    def connection_lost(self, _error):
        # Nobody is there to read the answer.
        if self.task:
            self.task.cancel()

    def go_on(self):
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if self.task or not end:
            if len(self.received) > HEAD + BODY:
                self.transport.close()
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
        length = int(fields.get("content-length", "0"))
        if len(head) > HEAD or length > BODY or first.count(" ") != 2:
            self.transport.close()
            return
        if len(rest) < length:
            return
        self.received = rest[length:]
        method, path, _ = first.split(" ")
        user = fields.get("authorization", "").strip().removeprefix("bearer ")
        self.task = asyncio.ensure_future(self.answer(method, path, user, rest[:length].decode()))

    async def answer(self, method, path, user, body):
        try:
            status, document = await self.handle(method, path, user, body)
        except (OSError, EOFError) as error:
            print(repr(error), file=sys.stderr, flush=True)
            status, document = "502 Bad Gateway", {"problem": "the store does not answer"}
        content = json.dumps(document).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self.transport.write(head.encode() + content)
        self.task = None
        self.go_on()


async def serve(redis, fault):
    pool = Pool(*redis, fault)

    async def handle(method, path, user, body):
        if (method, path) == ("POST", "/reconnect"):
            pool.empty()
            return "200 OK", {}
        if user not in ("alice", "bob", "carol"):
            return "401 Unauthorized", {}
        if (method, path) == ("PUT", "/note"):
            await pool.ask("SET", f"name:{user}", user.capitalize())
            await pool.ask("SET", f"note:{user}", body)
            return "200 OK", {}
        if (method, path) == ("GET", "/note"):
            name = await pool.ask("GET", f"name:{user}")
            note = await pool.ask("GET", f"note:{user}")
            return "200 OK", {"name": name, "note": note}
        return "404 Not Found", {}

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(handle), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--fault", action="store_true")
    options.add_argument("--redis", required=True, metavar="HOST:PORT")
    options = options.parse_args()
    host, _, port = options.redis.rpartition(":")
    asyncio.run(serve((host, int(port)), options.fault))


if __name__ == "__main__":
    main()
