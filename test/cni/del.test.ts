import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const second = {
  cniVersion: "1.0.0",
  ips: [{ address: "10.0.0.2/24" }],
  routes: [{ dst: "0.0.0.0/0" }],
};

describe("DEL", () => {
  const list = networkList([{ type: "one", capabilities: { portMappings: true } }, "two"]);
  const portMappings = [{ hostPort: 80, containerPort: 80, protocol: "tcp" }];
  const rt = {
    ...attachment,
    cniArgs: [["IP", "10.0.0.2"] as const],
    capabilityArgs: { portMappings },
  };

  test("calls the plugins in reverse with the configuration, arguments and result of ADD, whatever it is told now", async () => {
    const fake = fakePlugins("one", "two", "changed");
    fake.answer("two", "ADD", print(second));
    const cni = fake.cni();
    await cni.addNetworkList(list, rt);

    await cni.delNetworkList(networkList(["changed"]), { ...attachment, netns: "" });

    expect(fake.verbs().slice(2)).toEqual(["DEL two", "DEL one"]);
    const [two, one] = fake.calls().slice(2);
    expect(two?.stdin).toEqual({
      type: "two",
      name: "lan",
      cniVersion: "1.0.0",
      prevResult: second,
    });
    expect(one?.stdin).toMatchObject({ prevResult: second, runtimeConfig: { portMappings } });
    expect(one?.env).toMatchObject({
      CNI_ARGS: "IP=10.0.0.2",
      CNI_NETNS: "",
      CNI_IFNAME: "eth0",
    });
    expect(cni.cachedAttachments()).toEqual([]);
  });

  test("without a cache uses what it is given, and may be repeated", async () => {
    const fake = fakePlugins("one", "two");
    const cni = fake.cni();

    await cni.delNetworkList(list, rt);
    await cni.delNetworkList(list, rt);

    expect(fake.verbs()).toEqual(["DEL two", "DEL one", "DEL two", "DEL one"]);
    expect(fake.calls()[1]?.stdin).toEqual({
      ...list.plugins[0],
      name: "lan",
      cniVersion: "1.0.0",
      runtimeConfig: { portMappings },
    });
    expect(fake.calls()[0]?.env["CNI_ARGS"]).toBe("IP=10.0.0.2");
  });

  test("without a cache gives its plugins the result that the caller knows, in the list's version", async () => {
    const fake = fakePlugins("one", "two");
    const cni = fake.cni();
    const old = networkList(["one", "two"], { cniVersion: "0.4.0" });
    await cni.delNetworkList(old, rt, { knownResult: second });
    const prevResult = {
      cniVersion: "0.4.0",
      ips: [{ version: "4", address: "10.0.0.2/24" }],
      routes: [{ dst: "0.0.0.0/0" }],
    };
    expect(fake.calls().map(({ stdin }) => stdin)).toMatchObject([{ prevResult }, { prevResult }]);
  });

  test("with a cache gives them that, whatever result the caller knows", async () => {
    const fake = fakePlugins("one", "two");
    fake.answer("two", "ADD", print(second));
    const cni = fake.cni();
    await cni.addNetworkList(list, rt);
    const knownResult = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.9/24" }] };
    await cni.delNetworkList(list, rt, { knownResult });
    expect(fake.calls().at(-1)?.stdin).toMatchObject({ prevResult: second });
  });

  test.each(["0.3.1", "0.2.0"])("of version %s has no prevResult", async (cniVersion) => {
    const fake = fakePlugins("one");
    const result = {
      cniVersion,
      ip4: { ip: "10.0.0.2/24" },
      ips: [{ version: "4", address: "10.0.0.2/24" }],
    };
    fake.answer("one", "ADD", print(result));
    const old = networkList(["one"], { cniVersion });
    await fake.cni().addNetworkList(old, attachment);

    await fake.cni().delNetworkList(old, attachment);

    expect(fake.calls()[1]?.stdin).toEqual({ type: "one", name: "lan", cniVersion });
  });

  test("stops at the plugin that fails and keeps the cache for the next try", async () => {
    const fake = fakePlugins("one", "two");
    const cni = fake.cni();
    await cni.addNetworkList(list, rt);
    fake.answer("two", "DEL", "exit 1");

    const error = await failure(cni.delNetworkList(list, rt));

    expect(error.message).toBe(
      'plugin type="two" name="lan" failed (delete): exit status 1, it printed nothing',
    );
    expect(fake.verbs().slice(2)).toEqual(["DEL two"]);
    expect(cni.cachedAttachments()).toHaveLength(1);
  });

  test("told to keep going calls the rest too, and keeps the cache", async () => {
    const fake = fakePlugins("one");
    const cni = fake.cni();
    fake.answer("one", "DEL", "echo no >&2; exit 2");

    const error = await failure(cni.delNetworkList(list, rt, { keepGoing: true }));

    expect(fake.verbs()).toEqual(["DEL one"]);
    expect(error.kind).toBe("several");
    expect(error.errors.map(({ kind, plugin }) => [kind, plugin])).toEqual([
      ["not-found", "two"],
      ["exit", "one"],
    ]);
    expect(error.message).toContain('; plugin type="one"');
  });

  test("takes a plugin that does not know the container (code 3) as done", async () => {
    const fake = fakePlugins("one", "two");
    fake.answer("two", "DEL", `${print({ code: 3, msg: "who?" })} exit 1`);
    await fake.cni().delNetworkList(list, rt);
    expect(fake.verbs()).toEqual(["DEL two", "DEL one"]);
  });
});
