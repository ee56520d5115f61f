import type { Finding } from "./finding.ts";
import { type Check, sections } from "./sections.ts";
import type { Subject } from "./subject.ts";

/** A finding with where it belongs. */
export interface Found extends Finding {
  section: string;
  /** The check's name, see docs/doctor.md. */
  check: string;
}

/** Runs all checks, one section after another. A check that fails itself is a warning: the others still count. */
export async function examine(subject: Subject): Promise<Found[]> {
  const found: Found[] = [];
  for (const [section, checks] of Object.entries(sections)) {
    const results = await Promise.all(
      Object.entries(checks).map(([name, check]) => runCheck(subject, { section, name, check })),
    );
    found.push(...results.flat());
  }
  return found;
}

/** Runs the one check again that a finding came from. */
export function examineAgain(subject: Subject, { section, check: name }: Found): Promise<Found[]> {
  const check = sections[section]?.[name];
  return check === undefined ? Promise.resolve([]) : runCheck(subject, { section, name, check });
}

async function runCheck(
  subject: Subject,
  { section, name, check }: { section: string; name: string; check: Check },
): Promise<Found[]> {
  try {
    const findings = [await check(subject)].flat();
    return findings.map((finding) => Object.assign({ section, check: name }, finding));
  } catch (error) {
    const detail = `could not be looked at: ${error instanceof Error ? error.message : String(error)}`;
    return [{ section, check: name, status: "warning", title: name, detail }];
  }
}
