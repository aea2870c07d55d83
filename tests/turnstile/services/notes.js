// Notes of users, in PostgreSQL behind a pooler of transactions; row-level security decides what a query may see.
//
// The policy compares a row's owner with the setting app.owner. With --fault the setting is made for the session, which a
// pooler of transactions shares: whoever comes next on that session, or in between, has another user's setting.
"use strict";

const http = require("node:http");
const { parseArgs } = require("node:util");
const { Pool, literal } = require("./postgres.js");

const USERS = new Set(["alice", "bob", "carol"]);
/** Most characters of a note. */
const NOTE = 64 * 1024;

const { values } = parseArgs({
  options: { fault: { type: "boolean", default: false }, postgres: { type: "string" } },
});
const [host, port] = values.postgres.split(":");
const pool = new Pool({ host, port: Number(port), user: "app", database: "notes" }, 4);

/** Runs a query as that user. */
function as(user, query) {
  return pool.lend(async (client) => {
    if (values.fault) {
      await client.query(`SET app.owner = ${literal(user)}`);
      return client.query(query);
    }
    await client.query(`BEGIN; SET LOCAL app.owner = ${literal(user)}`);
    try {
      return await client.query(query);
    } finally {
      await client.query("COMMIT");
    }
  });
}

async function body(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) {
    text += part;
    if (text.length > NOTE) throw new Error("the note is too long");
  }
  return text;
}

async function answer(request) {
  const user = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  if (!USERS.has(user)) return [401, {}];
  switch (`${request.method} ${request.url}`) {
    case "GET /note": {
      const rows = await as(user, "SELECT owner, text FROM note");
      return [200, { notes: rows.map(([owner, text]) => ({ owner, text })) }];
    }
    case "PUT /note": {
      const row = `${literal(user)}, ${literal(await body(request))}`;
      await as(user, `INSERT INTO note VALUES (${row}) ON CONFLICT (owner) DO UPDATE SET text = EXCLUDED.text`);
      return [200, {}];
    }
    default:
      return [404, {}];
  }
}

const server = http.createServer((request, response) => {
  answer(request)
    .catch((error) => {
      console.error(error.message);
      return [502, { problem: "the store does not answer" }];
    })
    .then(([status, document]) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(document));
    });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
