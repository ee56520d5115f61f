import { leaksCheck } from "../leaks.ts";
import type { Check } from "../proof.ts";
import { addCheck, checkCheck, delCheck } from "./attach.ts";
import { isolationCheck } from "./isolation.ts";
import { rebootCheck, restartCheck } from "./life.ts";
import { mtuChecks } from "./mtu.ts";
import { portChecks } from "./ports.ts";
import {
  containerToHostCheck,
  gatewayCheck,
  hostToContainerCheck,
  nameCheck,
  peerChecks,
} from "./reachability.ts";

/** What is tried between ADD and DEL, in this order. */
const between: readonly Check[] = [
  gatewayCheck,
  ...peerChecks,
  ...mtuChecks,
  nameCheck,
  hostToContainerCheck,
  containerToHostCheck,
  ...portChecks,
  isolationCheck,
  checkCheck,
  restartCheck,
  rebootCheck,
];

/** The table of what `docker cni test` tries. */
export const checks = { add: addCheck, between, del: delCheck, leaks: leaksCheck };

/** The names of all checks, in their order. */
export const checkNames: readonly string[] = [
  checks.add,
  ...checks.between,
  checks.del,
  checks.leaks,
].map(({ name }) => name);
