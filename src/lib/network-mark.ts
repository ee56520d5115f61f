import { isJsonObject } from "./fields.ts";

/** The key of a network's file, beside those of CNI, under which `network create` writes what is its own. */
export const MARK = "dockerCni";

/** How a network's containers find each other by name. */
export type NamesBy = "hosts" | "dns" | "off";

/** What the text of a network's file says of that; undefined where it does not. */
export function namesBy(raw: string): NamesBy | undefined {
  const list: unknown = JSON.parse(raw);
  const mark = isJsonObject(list) ? list[MARK] : undefined;
  const names = isJsonObject(mark) ? mark["names"] : undefined;
  return names === "hosts" || names === "dns" || names === "off" ? names : undefined;
}
