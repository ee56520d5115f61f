/** Who has which address at each moment, and every breach of what docker-cni promises. */
export interface Ledger {
  readonly faults: string[];
  /** The container was seen with the address, which it keeps until it is released. */
  seen: (id: string, address: string) => void;
  /** The container is about to give its address up. */
  releasing: (id: string) => void;
  /** Containers that hold an address. */
  holders: () => string[];
}

export function makeLedger(): Ledger {
  const holderOf = new Map<string, string>();
  const addressOf = new Map<string, string>();
  const faults: string[] = [];
  return {
    faults,
    seen(id, address) {
      const before = addressOf.get(id);
      if (before !== undefined && before !== address) {
        faults.push(`changed: ${id.slice(0, 12)} had ${before} and has ${address}`);
        holderOf.delete(before);
      }
      const holder = holderOf.get(address);
      if (holder !== undefined && holder !== id) {
        faults.push(`twice: ${address} is ${holder.slice(0, 12)}'s and ${id.slice(0, 12)}'s`);
      }
      holderOf.set(address, id);
      addressOf.set(id, address);
    },
    releasing(id) {
      const address = addressOf.get(id);
      if (address !== undefined && holderOf.get(address) === id) holderOf.delete(address);
      addressOf.delete(id);
    },
    holders: () => [...addressOf.keys()],
  };
}
