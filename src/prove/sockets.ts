import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect, createServer, isIPv6, type Server } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { errnoOf } from "../lib/errors.ts";

/** A question to a server of `serve`. */
export interface Call {
  protocol: "tcp" | "udp";
  address: string;
  port: number;
  /** How long to wait for the answer, ms. */
  timeoutMs: number;
  /** Bytes of UDP payload, 32 unless told. */
  size?: number;
}

/** What the server says of a question, or the system error code (`ECONNREFUSED`, `ETIMEDOUT`, …) in place of an answer. */
export type Answer = { from: string; server: string; size: number } | { error: string };

/** Servers and clients in one network namespace. */
export interface Sockets {
  /** Listens on TCP and UDP at `address`; on any free port where `port` is 0. Gives the port. */
  serve(at: { address: string; port: number }): Promise<number>;
  call(call: Call): Promise<Answer>;
  /** How many fragments the namespace has made of packets, of IPv4 and IPv6 (/proc/net/snmp, snmp6). */
  fragments(): Promise<number>;
  close(): Promise<void>;
}

const NONCE_BYTES = 16;
/** How soon an unanswered datagram is sent again, ms. */
const SEND_AGAIN_MS = 250;
/** How long an address may be tentative (RFC 4862, duplicate address detection) before it can be listened on, ms. */
const TENTATIVE_MS = 4000;

/** Those of this process's own namespace. `name` is what servers call themselves. */
export function localSockets(name: string): Sockets {
  const open: { close: () => unknown }[] = [];
  return {
    async serve(at) {
      const tcp = await whenUsable(() => listen(at, name));
      open.push(tcp);
      const bound = tcp.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : at.port;
      open.push(await whenUsable(() => bind({ ...at, port }, name)));
      return port;
    },
    call: (call) => (call.protocol === "tcp" ? callTcp(call) : callUdp(call)),
    fragments: async () => count("snmp", "Ip") + count("snmp6", "Ip6"),
    async close() {
      for (const server of open.splice(0)) server.close();
    },
  };
}

function listen({ address, port }: { address: string; port: number }, name: string) {
  return new Promise<Server>((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(answerTo(socket.remoteAddress ?? "", name, 0));
    });
    server.unref().once("error", reject);
    server.listen({ host: address, port }, () => resolve(server));
  });
}

function bind({ address, port }: { address: string; port: number }, name: string) {
  return new Promise<Socket>((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    socket.unref().once("error", reject);
    socket.on("message", (message, from) => {
      const nonce = message.subarray(0, NONCE_BYTES).toString("latin1");
      const answer = `${nonce}${answerTo(from.address, name, message.length)}`;
      socket.send(answer, from.port, from.address, () => {});
    });
    socket.bind(port, address, () => resolve(socket));
  });
}

function answerTo(from: string, server: string, size: number): string {
  return JSON.stringify({ from: from.replace(/^::ffff:/, ""), server, size });
}

function callTcp({ address, port, timeoutMs }: Call): Promise<Answer> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: address, port });
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end({ error: "ETIMEDOUT" }), timeoutMs);
    socket.setEncoding("utf8").on("data", (more: string) => (text += more));
    socket.on("error", (error) => end({ error: errnoOf(error) ?? error.message }));
    socket.on("end", () => end(readAnswer(text)));
  });
}

function callUdp({ address, port, timeoutMs, size = 2 * NONCE_BYTES }: Call): Promise<Answer> {
  return new Promise((resolve) => {
    const nonce = randomBytes(NONCE_BYTES / 2).toString("hex");
    const message = Buffer.alloc(Math.max(size, NONCE_BYTES), nonce, "latin1");
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    let over = false;
    const once = (answer: Answer): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    const failed = (error: Error): void => once({ error: errnoOf(error) ?? error.message });
    const send = (): void => socket.send(message, (error) => error && failed(error));
    const timer = setTimeout(() => once({ error: "ETIMEDOUT" }), timeoutMs);
    const again = setInterval(() => !over && send(), SEND_AGAIN_MS);
    socket.on("error", failed);
    socket.on("message", (reply) => {
      const text = reply.toString();
      if (text.startsWith(nonce)) once(readAnswer(text.slice(NONCE_BYTES)));
    });
    socket.connect(port, address, () => !over && send());
  });
}

function readAnswer(text: string): Answer {
  try {
    const answer: Answer = JSON.parse(text);
    return answer;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Somebody else listens there.
    return { error: "EPROTO" };
  }
}

/** Tries again while the address cannot be used yet. */
async function whenUsable<T>(open: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + TENTATIVE_MS; ; await pause(100)) {
    try {
      return await open();
    } catch (error) {
      if (errnoOf(error) !== "EADDRNOTAVAIL" || Date.now() > deadline) throw error;
    }
  }
}

/** `FragCreates` of a table of counters: pairs of lines (`Ip: A B`, `Ip: 1 2`), or `Ip6FragCreates 1`. */
function count(table: "snmp" | "snmp6", prefix: string): number {
  let text: string;
  try {
    text = readFileSync(`/proc/net/${table}`, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
  if (table === "snmp6") return Number(/^Ip6FragCreates\s+(\d+)/m.exec(text)?.[1] ?? 0);
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith(`${prefix}: `))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("FragCreates")] ?? 0);
}
