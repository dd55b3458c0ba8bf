// Names of assets, and how the command line says things.

import { href } from "./router.svelte";

/** `main.orders` of `table:main.orders`. */
export function nameOf(key: string): string {
  return key.slice(key.indexOf(":") + 1);
}

export function kindOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf(":")));
}

export function assetLink(key: string): string {
  return href("assets", key);
}

export function runLink(run: string): string {
  return href("runs", run);
}

export function releaseLink(release: number): string {
  return href("releases", String(release));
}

/** A command about the releases of an environment. */
export function releaseCommand(environment: string, ...words: (string | null | false | undefined)[]): string {
  return command(...words, "--env", environment);
}

/** A command with its arguments quoted as a shell needs it. */
export function command(...words: (string | null | false | undefined)[]): string {
  return ["millstream", ...words.filter((word): word is string => !!word).map(quoted)].join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
