// Releases in words.

import type { Release } from "./types";

/** `1 of 2`; nothing where nobody has to agree. */
export function agreed(release: Release): string | null {
  return release.approvals_needed ? `${release.approvals.length} of ${release.approvals_needed}` : null;
}

/** What it is for. */
export function aboutRelease(release: Release): string | null {
  const back = release.restores === null ? null : `back to release ${release.restores}`;
  return [back, release.message].filter(Boolean).join(": ") || null;
}

/** `1f2e3d4 of main, with changes` */
export function origin(release: Release): string | null {
  if (!release.commit) return null;
  const branch = release.branch ? ` of ${release.branch}` : "";
  return `${release.commit.slice(0, 7)}${branch}${release.changes === "dirty" ? ", with changes" : ""}`;
}

/** Whether it can be gone back to: it was the current one, and its files are kept. */
export function canReturn(release: Release): boolean {
  if (release.removed_at) return false;
  return release.state === "superseded" || release.state === "rolled_back" || release.state === "left";
}
