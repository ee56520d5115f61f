import { addressElsewhere } from "./address-elsewhere.ts";
import { unownedChains } from "./chains.ts";
import { configFile, configWarnings } from "./configuration.ts";
import { portsTwice, withoutNetwork } from "./containers.ts";
import {
  cliPlugin,
  engineReachable,
  lowLevelRuntime,
  runtimeIsThisOne,
  runtimeRegistered,
} from "./engine.ts";
import { fabricNeeds } from "./fabrics.ts";
import type { Finding } from "./finding.ts";
import { dockerFirewall, firewalld, iptablesKinds, nftForwardPolicy } from "./firewall.ts";
import { forwardPolicy, ipForward } from "./forwarding.ts";
import { kernelFeatures, kernelRules } from "./kernel.ts";
import { unownedLeases } from "./leases.ts";
import { clock, diskSpace, netnsShared, unitsEnabled } from "./machine.ts";
import { nameServer } from "./name-server.ts";
import { networkd, networkManager } from "./managers.ts";
import { mtuAgainstUplink } from "./mtu.ts";
import { anyNetwork, networkFiles, networkNames, networkStatus } from "./networks.ts";
import { pluginBinaries } from "./plugins.ts";
import { duplicates, sandboxStates } from "./sandboxes.ts";
import type { Subject } from "./subject.ts";
import { subnetOverlap } from "./subnets.ts";

export type Check = (
  subject: Subject,
) => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>;

/** All checks by section, each under the name that `--json` and docs/doctor.md give it. */
export const sections: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  Engine: {
    "engine-reachable": engineReachable,
    "runtime-registered": runtimeRegistered,
    "runtime-launcher": runtimeIsThisOne,
    "cli-plugin": cliPlugin,
    "low-level-runtime": lowLevelRuntime,
  },
  Configuration: { "config-file": configFile, "config-warnings": configWarnings },
  Networks: {
    "any-network": anyNetwork,
    "network-files": networkFiles,
    "network-names": networkNames,
    plugins: pluginBinaries,
    status: networkStatus,
    "name-server": nameServer,
    subnets: subnetOverlap,
    mtu: mtuAgainstUplink,
    fabrics: fabricNeeds,
    "address-elsewhere": addressElsewhere,
  },
  Firewall: {
    "ip-forward": ipForward,
    "forward-policy": forwardPolicy,
    "nft-forward-policy": nftForwardPolicy,
    "docker-firewall": dockerFirewall,
    "iptables-kinds": iptablesKinds,
    firewalld,
  },
  Host: {
    "network-manager": networkManager,
    networkd,
    kernel: kernelFeatures,
    "kernel-rules": kernelRules,
    "netns-shared": netnsShared,
    disk: diskSpace,
    units: unitsEnabled,
    clock,
  },
  State: {
    sandboxes: sandboxStates,
    leases: unownedLeases,
    chains: unownedChains,
    duplicates,
  },
  Containers: { "without-network": withoutNetwork, ports: portsTwice },
};
