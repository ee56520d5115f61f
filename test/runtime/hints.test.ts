import { expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { UserError } from "../../src/lib/errors.ts";
import { withHint } from "../../src/runtime/hints.ts";

test.each<{ title: string; fault: ConstructorParameters<typeof CniError>[0]; hint: string }>([
  {
    title: "a cniVersion that the plugin does not know: the highest that it knows",
    fault: {
      kind: "plugin",
      code: 1,
      msg: "incompatible CNI versions",
      details: 'config is "1.1.0", plugin supports ["0.3.0" "1.0.0" "0.4.0"]',
      plugin: "bridge",
      network: "lan",
      command: "ADD",
    },
    hint: 'write "cniVersion": "1.0.0" in the file of network lan: the plugin bridge knows no higher one',
  },
  {
    title: "a plugin that does not tell its versions: its documentation",
    fault: { kind: "plugin", code: 1, msg: "incompatible", plugin: "bridge", network: "lan" },
    hint: "see the network's file and the plugin's documentation",
  },
  {
    title: "a folder whose files were all skipped: these",
    fault: { kind: "no-network", msg: "no network configuration in /n; skipped /n/a: it is empty" },
    hint: "correct the files that were skipped",
  },
  {
    title: "an empty folder: a list",
    fault: { kind: "no-network", msg: "no network configuration in /n" },
    hint: "put a network list there, such as config/net.d/10-docker-cni.conflist, or correct cni_conf_dir",
  },
])("the hint for $title", ({ fault, hint }) => {
  const hinted = withHint(new CniError(fault), undefined);
  expect(hinted).toBeInstanceOf(UserError);
  expect(hinted).toMatchObject({ hint });
});
