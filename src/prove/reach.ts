import type { Answer, Sockets } from "./sockets.ts";

/** How long an answer may take, ms. */
const ANSWER_MS = 2000;

/** One way that packets are to take. */
export interface Way {
  /** Who asks, and in which words. */
  from: Sockets;
  asker: string;
  protocol: "tcp" | "udp";
  address: string;
  port: number;
  /** The name that the right server answers with. */
  server: string;
}

/** What went wrong on a way; undefined when the right server answered, and the address that it saw. */
export async function tryWay(way: Way): Promise<{ error: string } | { from: string }> {
  const { from, protocol, address, port, server, asker } = way;
  const at = `${protocol.toUpperCase()} from ${asker} to ${withPort(address, port)}`;
  const answer: Answer = await from.call({ protocol, address, port, timeoutMs: ANSWER_MS });
  if ("error" in answer) return { error: `${at}: ${inWords(answer.error)}` };
  if (answer.server !== server) return { error: `${at}: another server answers` };
  return { from: answer.from };
}

export function withPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function inWords(code: string): string {
  return WORDS[code] ?? code;
}

const WORDS: Record<string, string | undefined> = {
  ETIMEDOUT: `no answer within ${ANSWER_MS / 1000} s`,
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EHOSTUNREACH: "no route, or nobody has the address",
  ENETUNREACH: "no route",
  EMSGSIZE: "the packet is larger than the way's MTU",
  EPROTO: "something else answers",
};
