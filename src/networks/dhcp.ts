import type { JsonObject } from "../lib/fields.ts";
import type { Driver } from "./drivers.ts";
import { type NetworkOptions, refused } from "./options.ts";

interface Asking {
  type: string;
  driver: Driver;
  /** Whether subnets and the like were given. */
  isAsked: boolean;
}

/**
 * The `ipam` object of the plugin dhcp (its documentation), whose client id is made of the container's id, the network and the
 * interface: the same after each restart. Throws BAD_ARGS where no server of the parent's network can hear the container.
 */
export function dhcpIpam(
  { internal, parent }: Pick<NetworkOptions, "internal" | "parent">,
  { type, driver, isAsked }: Asking,
): JsonObject {
  if (isAsked) {
    throw refused("--dhcp", "the server gives the addresses", "leave --subnet and the like out");
  }
  if (driver.parent === "none" || internal) {
    const hint = "take the driver macvlan";
    throw refused("--dhcp", `no server hears containers of this network (${type})`, hint);
  }
  if (driver.parent === "bridge" && parent === undefined) {
    const hint = "name the bridge that the server is on with --parent, or take the driver macvlan";
    throw refused("--dhcp", "there is no server on a bridge of its own", hint);
  }
  return {
    type: "dhcp",
    daemonSocketPath: DHCP_SOCKET,
    provide: [{ option: "host-name", fromArg: "DOCKER_CONTAINER_NAME" }],
  };
}

/** Where the daemon of the plugin dhcp listens unless told otherwise. */
const DHCP_SOCKET = "/run/cni/dhcp.sock";
