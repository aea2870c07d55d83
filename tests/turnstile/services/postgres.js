// A minimal client for PostgreSQL: simple queries, texts as answers, and a pool of connections.
"use strict";

const net = require("node:net");

/** A text as a literal. The server's setting standard_conforming_strings is on: only quotes are doubled. */
function literal(text) {
  return `'${String(text).replaceAll("'", "''")}'`;
}

/** A message with its length, which counts itself. */
function message(kind, body) {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
}

function startup(user, database) {
  const version = Buffer.from([0, 3, 0, 0]);
  return message("", Buffer.concat([version, Buffer.from(`user\0${user}\0database\0${database}\0\0`)]));
}

/** The columns of a row; null stays null. */
function columns(body) {
  const row = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? null : body.toString("utf8", at, at + length));
    at += Math.max(length, 0);
  }
  return row;
}

/** The message of an error: its field M. */
function problem(body) {
  const field = body.toString("utf8").split("\0").find((part) => part.startsWith("M"));
  return new Error(`postgres: ${field ? field.slice(1) : "unknown"}`);
}

/** A connection: one query at a time. */
class Client {
  constructor(socket) {
    this.socket = socket;
    this.received = Buffer.alloc(0);
    this.waiting = null;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.take(data));
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => this.end(new Error("postgres: the connection is closed")));
  }

  static connect({ host, port, user, database }) {
    const client = new Client(net.connect(port, host));
    return client.send(startup(user, database)).then(() => client);
  }

  query(text) {
    return this.send(message("Q", Buffer.from(`${text}\0`)));
  }

  send(bytes) {
    if (this.closed) return Promise.reject(this.closed);
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject, rows: [], error: null };
      this.socket.write(bytes);
    });
  }

  take(data) {
    this.received = Buffer.concat([this.received, data]);
    while (this.received.length >= 5) {
      const end = 1 + this.received.readInt32BE(1);
      if (this.received.length < end) return;
      const kind = String.fromCharCode(this.received[0]);
      const body = this.received.subarray(5, end);
      this.received = this.received.subarray(end);
      this.hear(kind, body);
    }
  }

  hear(kind, body) {
    const { waiting } = this;
    if (!waiting) return;
    if (kind === "D") waiting.rows.push(columns(body));
    if (kind === "E") waiting.error = problem(body);
    // Only log-ins without a password are known here.
    if (kind === "R" && body.readInt32BE(0) !== 0) this.socket.destroy(new Error("postgres: asks for a password"));
    if (kind === "Z") {
      this.waiting = null;
      if (waiting.error) waiting.reject(waiting.error);
      else waiting.resolve(waiting.rows);
    }
  }

  end(error) {
    this.closed ??= error;
    const { waiting } = this;
    this.waiting = null;
    if (waiting) waiting.reject(this.closed);
  }
}

/** Connections, all opened at the first use; each is lent to one request at a time, the last one that came back first. */
class Pool {
  constructor(address, size) {
    this.address = address;
    this.size = size;
    this.idle = [];
    this.queue = [];
  }

  async lend(work) {
    this.opened ??= this.open();
    await this.opened;
    const client = this.idle.pop() ?? (await new Promise((resolve) => this.queue.push(resolve)));
    try {
      return await work(client);
    } finally {
      const next = this.queue.shift();
      if (next) next(client);
      else this.idle.push(client);
    }
  }

  async open() {
    for (let count = 0; count < this.size; count += 1) {
      this.idle.push(await Client.connect(this.address));
    }
  }
}

module.exports = { Pool, literal };
