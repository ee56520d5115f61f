import type { ImageConfig } from "../engine/image-config.ts";
import { SELECTION_KEY } from "./selection.ts";

/** What to do with labels and environment of which it is unknown whether the image brought them. */
export type UnknownOrigin = "ignore" | "use";

export interface OperatorWord {
  /** The labels that the operator gave. */
  labels: Record<string, string>;
  /** `K=V`, without what the image's own configuration sets. */
  env: string[];
  warnings: string[];
}

/** Whether a label or an annotation of this name makes a request. */
export function isRequestKey(key: string): boolean {
  return key.startsWith("cni.") || key === SELECTION_KEY;
}

/** Whether an entry asks for no network at all: that holds whoever said it. */
function isRestriction([key, value]: [string, string]): boolean {
  return (key === "cni.networks" || key === SELECTION_KEY) && value.trim() === "none";
}

/**
 * Separates what the operator said from what the image brought along: a label that the image carries with the same
 * value is the image's. An image must not choose its own network, address or ports; that there is none it may say.
 *
 * @param images the image's configurations, undefined where they are unknown
 */
export function operatorWord(options: {
  /** What `labels` are called in warnings. */
  kind?: "label" | "annotation";
  labels: Readonly<Record<string, string>>;
  env: readonly string[];
  images: readonly ImageConfig[] | undefined;
  unknown: UnknownOrigin;
}): OperatorWord {
  const { images, unknown, kind = "label" } = options;
  const all = Object.entries(options.labels);
  const named = all.filter(([key]) => key === "cni.networks" || key === SELECTION_KEY);
  // An image that says none beside the operator's own choice makes no error of that.
  const restrictions = new Set(named.every(isRestriction) ? named : []);
  const labels = all.filter((entry) => !restrictions.has(entry));
  const restricted = Object.fromEntries([...restrictions].slice(0, 1));
  if (images === undefined) {
    const word = wordOfUnknown({ labels, env: options.env, unknown, kind });
    return { ...word, labels: { ...word.labels, ...restricted } };
  }
  const isOwn = ([key, value]: [string, string]) =>
    !images.some((image) => Object.hasOwn(image.labels, key) && image.labels[key] === value);
  const ignored = labels.filter(([key, value]) => isRequestKey(key) && !isOwn([key, value]));
  return {
    labels: { ...Object.fromEntries(labels.filter(isOwn)), ...restricted },
    env: options.env.filter((entry) => !images.some((image) => image.env.includes(entry))),
    warnings: ignored.map(
      ([key]) =>
        `${kind} ${key} ignored: the image carries it with the same value, and an image does not choose its network` +
        (kind === "label" ? ` (if you mean it, say --annotation ${key}=…)` : ""),
    ),
  };
}

function wordOfUnknown(options: {
  labels: [string, string][];
  env: readonly string[];
  unknown: UnknownOrigin;
  kind: string;
}): OperatorWord {
  const { labels, env, unknown, kind } = options;
  if (unknown === "use") {
    return { labels: Object.fromEntries(labels), env: [...env], warnings: [] };
  }
  const keys = labels.map(([key]) => key).filter(isRequestKey);
  if (keys.length === 0) return { labels: {}, env: [], warnings: [] };
  const message = `it cannot be told whether the image set the ${kind} ${keys.join(", ")}`;
  const otherWay = kind === "label" ? "say it with --annotation, or " : "";
  const hint = `${otherWay}set image_labels: allow`;
  return { labels: {}, env: [], warnings: [`${message}: ignored (${hint})`] };
}
