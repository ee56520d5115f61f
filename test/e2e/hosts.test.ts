import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { FABRICS } from "../hosts/fabrics.ts";
import { startLab } from "../hosts/lab.ts";
import { tryFabric } from "../hosts/trial.ts";

const { bird } = FABRICS;

test.skipIf(!existsSync("/usr/sbin/bird"))(
  "docs/networks/routed.md leads to containers of two hosts that reach each other, over a reboot too",
  async () => {
    if (bird === undefined) throw new Error("there is no fabric bird");
    const lab = await startLab({ count: 2, packages: bird.packages });
    try {
      const outcomes = await tryFabric(bird, lab);
      expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(outcomes.length).toBeGreaterThan(6);
    } finally {
      await lab.stop();
    }
    expect(existsSync(lab.place.dir)).toBe(false);
  },
);
