/** DNS settings of a CNI result (CNI specification, "Success"). */
export interface ResultDns {
  nameservers?: readonly string[] | undefined;
  domain?: string | undefined;
  search?: readonly string[] | undefined;
  options?: readonly string[] | undefined;
}

/** What the operator said by `--dns`, `--dns-search` and `--dns-option`; each is empty when nothing was said. */
export interface OperatorDns {
  dns: readonly string[];
  dnsSearch: readonly string[];
  dnsOptions: readonly string[];
}

/** resolv.conf(5) as of glibc 2.26 has no limit; musl and older glibc read three servers and six domains. */
const MAX_ITEMS = 32;
const WORD = /^[\x21-\x7e]{1,253}$/;

/** Several networks' settings as one: in the order of the networks, without repetition. */
export function mergeDns(results: readonly ResultDns[]): ResultDns {
  const all = (pick: (dns: ResultDns) => readonly string[] | undefined) => [
    ...new Set(results.flatMap((dns) => pick(dns) ?? [])),
  ];
  const domain = results.find((dns) => dns.domain)?.domain;
  return {
    nameservers: all(({ nameservers }) => nameservers),
    search: all(({ search }) => search),
    options: all(({ options }) => options),
    ...(domain === undefined ? {} : { domain }),
  };
}

/**
 * `text` with the nameservers, search domains and options of a CNI result in place of its own. What the result does
 * not give stays, what the operator gave stays, and after `--dns` nothing is changed at all. Twice is the same as once.
 */
export function withResultDns(text: string, dns: ResultDns, operator: OperatorDns): string {
  if (operator.dns.length > 0) return text;
  const nameservers = words(dns.nameservers);
  const given = words(dns.search);
  const search = given.length > 0 || !dns.domain ? given : words([dns.domain]);
  const options = words(dns.options);
  const replaced = new Map<string, string[]>();
  if (nameservers.length > 0) {
    replaced.set(
      "nameserver",
      nameservers.map((server) => `nameserver ${server}`),
    );
  }
  if (search.length > 0 && operator.dnsSearch.length === 0) {
    replaced.set("search", [`search ${search.join(" ")}`]);
    replaced.set("domain", []);
  }
  if (options.length > 0 && operator.dnsOptions.length === 0) {
    replaced.set("options", [`options ${options.join(" ")}`]);
  }
  if (replaced.size === 0) return text;
  const kept = text
    .split("\n")
    .filter((line) => line !== "" && !replaced.has(/^\s*(\w+)/.exec(line)?.[1] ?? ""));
  return `${[...kept, ...[...replaced.values()].flat()].join("\n")}\n`;
}

function words(items: readonly string[] | undefined): string[] {
  return (items ?? []).filter((item) => WORD.test(item)).slice(0, MAX_ITEMS);
}

/** The name servers that a resolv.conf has. */
export function serversIn(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server = ""]) => server);
}
