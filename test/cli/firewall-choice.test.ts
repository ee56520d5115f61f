import { expect, test } from "vitest";
import { chooseFirewall, type FirewallChoice, isolationOf } from "../../src/cli/firewall-choice.ts";

interface Has {
  commands?: string[];
  /** Of Docker's /info. */
  driver?: string;
  plugins?: "old" | "new";
}

const TEXTS: Record<string, string> = {
  "/bin/bridge": "ipMasqBackend",
  "/bin/portmap": "cni_hostport",
  "/bin/firewall": "same-bridge isolated",
};

function host({ commands = ["iptables", "nft"], driver = "iptables", plugins = "new" }: Has) {
  return {
    run: (argv: readonly string[]) => {
      const code = commands.includes(argv[0] ?? "") ? 0 : undefined;
      return Promise.resolve({ code, stdout: "", stderr: "" });
    },
    read: (path: string) => (plugins === "new" ? TEXTS[path] : "same-bridge"),
    engine: () =>
      Promise.resolve({ ok: true as const, body: { FirewallBackend: { Driver: driver } } }),
  };
}

test.each<[string, FirewallChoice, Has, string, RegExp | undefined]>([
  ["Docker uses iptables", "auto", {}, "iptables", undefined],
  ["Docker uses nftables", "auto", { driver: "nftables" }, "nftables", undefined],
  ["there is no iptables", "auto", { commands: ["nft"] }, "nftables", undefined],
  ["nftables is asked for", "nftables", {}, "nftables", undefined],
  ["iptables is asked for", "iptables", { driver: "nftables" }, "iptables", undefined],
  [
    "Docker uses nftables and the plugins are old",
    "auto",
    { driver: "nftables", plugins: "old" },
    "iptables",
    /^Docker uses nftables, and the installed bridge and portmap .* know iptables only$/,
  ],
  [
    "there is no iptables and the plugins are old",
    "auto",
    { commands: ["nft"], plugins: "old" },
    "nftables",
    /^there is no iptables, and the installed bridge and portmap/,
  ],
  ["there is neither", "auto", { commands: [] }, "nftables", /^nft is not installed$/],
])("where %s (%s)", async (_, asked, has, firewall, why) => {
  const chosen = await chooseFirewall(asked, { host: host(has), binDirs: ["/opt/cni", "/bin"] });
  expect(chosen.firewall).toBe(firewall);
  expect(chosen.problem?.why ?? "").toMatch(why ?? /^$/);
});

test("what the plugin firewall isolates from is told by what it knows", () => {
  expect(isolationOf(host({}), ["/bin"])).toBe("from all");
  expect(isolationOf(host({ plugins: "old" }), ["/bin"])).toBe("from isolated");
});
