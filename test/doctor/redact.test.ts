import { expect, test } from "vitest";
import { redactText } from "../../src/doctor/redact.ts";

const SECRET = "s3cr3t-w0rd";

test.each([
  ["a key in a network list", `{"plugins":[{"type":"x","apiKey":"${SECRET}"}]}`],
  ["a TSIG secret", `{"dns":{"tsig":{"name":"k","algorithm":"hmac","secret":"${SECRET}"}}}`],
  ["a list of keys", `{"keys":["${SECRET}"]}`],
  ["a password in YAML", `cni_conf_dir: /etc\npassword: ${SECRET}\n`],
  ["a quoted password in YAML", `password: "${SECRET} ${SECRET}"\n`],
  ["a token in a command", `plugin --token ${SECRET} failed`],
  ["a token behind an equals sign", `K8S_TOKEN=${SECRET};IgnoreUnknown=1`],
  ["an authorization header", `Authorization: Bearer ${SECRET}`],
  ["a password in a URL", `proxy http://admin:${SECRET}@proxy:3128/`],
  ["a URL in JSON", `{"http-proxy":"http://admin:${SECRET}@proxy:3128"}`],
  ["JSON within JSON", JSON.stringify({ list: JSON.stringify({ authToken: SECRET }) })],
  ["a network list in base64", JSON.stringify({ config: btoa(`{"apiKey":"${SECRET}"}`) })],
  ["an indented one", JSON.stringify({ config: btoa(`{\n  "apiKey": "${SECRET}"}`) })],
  ["a line of a log", `{"level":30,"msg":"x","stdin":{"password":"${SECRET}"}}\n{"a":1}\n`],
  ["the environment of an engine", `{"environment":{"PATH":"/bin","ANY_WORD":"${SECRET}"}}`],
  ["CNI_ARGS as they are kept", `{"cniArgs":[["IgnoreUnknown","1"],["API_KEY","${SECRET}"]]}`],
  ["a registry's auth", `{"auths":{"r.example":{"auth":"${SECRET}"}}}`],
])("a bundle does not have %s", (_, text) => {
  const redacted = redactText(text);
  expect(redacted).not.toContain(SECRET);
  // Nor in base64, whichever of the three ways its letters fall.
  for (const before of ["", "a", "ab"]) {
    const encoded = btoa(before + SECRET).slice(before.length === 0 ? 0 : 4, -4);
    expect(redacted).not.toContain(encoded);
  }
  expect(redacted).toContain("(removed)");
});

test("a bundle has all else as it was", () => {
  const text = '{"name":"lan","mtu":1450,"addresses":["10.9.0.2/24"],"keep":true}';
  expect(JSON.parse(redactText(text))).toEqual(JSON.parse(text));
  const line = "cni_conf_dir: /etc/cni/net.d # the folder\nkeep: always\n";
  expect(redactText(line)).toBe(line);
});
