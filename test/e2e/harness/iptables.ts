import { run } from "./shell.ts";

/** One chain or rule as iptables-save prints it, without counters. */
export interface IptablesLine {
  family: "iptables" | "ip6tables";
  table: string;
  /** `:CHAIN` or `-A CHAIN …`. */
  text: string;
  /**
   * Belongs to the frame that the portmap and firewall plugins set up once per machine and leave by design:
   * the chains CNI-FORWARD, CNI-ADMIN, CNI-HOSTPORT-* and CNI-ISOLATION-STAGE-*, and the jumps to and between them.
   */
  scaffold: boolean;
}

/** All user-defined chains and all rules, IPv4 and IPv6, as seen through `prefix` (a command prefix like nsenter's). */
export async function readIptables(prefix: string[]): Promise<IptablesLine[]> {
  const lines: IptablesLine[] = [];
  for (const family of ["iptables", "ip6tables"] as const) {
    const { stdout } = await run([...prefix, `${family}-save`]);
    let table = "";
    for (const line of stdout.split("\n")) {
      if (line.startsWith("*")) table = line.slice(1);
      const chain = /^:(\S+) -/.exec(line)?.[1];
      const text = chain === undefined ? line : `:${chain}`;
      if (chain === undefined && !line.startsWith("-A ")) continue;
      lines.push({ family, table, text, scaffold: isScaffold(text) });
    }
  }
  return lines;
}

/**
 * Deletes rules and chains, each table in one step: when the chains turn out to be in use, nothing of that table
 * changes, which is as it should be, and nothing is said.
 */
export async function deleteIptables(prefix: string[], lines: IptablesLine[]): Promise<void> {
  const tables = new Set(lines.map((line) => `${line.family} ${line.table}`));
  for (const key of tables) {
    const [family, table] = key.split(" ");
    const group = lines.filter((line) => line.family === family && line.table === table);
    const rules = group.filter((line) => line.text.startsWith("-A "));
    const chains = group.filter((line) => line.text.startsWith(":"));
    const script = [
      `*${table}`,
      ...rules.map((line) => `-D${line.text.slice(2)}`),
      ...chains.map((line) => `-X ${line.text.slice(1)}`),
      "COMMIT",
      "",
    ].join("\n");
    await run([...prefix, `${family}-restore`, "--noflush", "--wait=5"], { input: script });
  }
}

function isScaffold(text: string): boolean {
  if (/^:CNI-(FORWARD|ADMIN|HOSTPORT-\w+|ISOLATION-STAGE-\d)$/.test(text)) return true;
  return (
    /CNI-(FORWARD|ADMIN|HOSTPORT-\w+|ISOLATION-STAGE-\d)/.test(text) &&
    !/ (-s|-d|-i|-o|--dports?|id:) /.test(text)
  );
}
