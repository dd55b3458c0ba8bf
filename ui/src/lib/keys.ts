// Keys that work everywhere. Single letters can be turned off (WCAG 2.1.4).

/** What a key does; `keys` is one key, or two in a row as in `g a`. */
export interface Shortcut {
  keys: string;
  label: string;
  run: () => void;
}

/** How long the second key of a pair may take, in milliseconds. */
const PAIR_MS_MAX = 1500;
const OFF = "millstream.letters-off";

let first = "";
let firstAt = 0;

/** Whether single letters act. */
export function lettersAct(): boolean {
  return localStorage.getItem(OFF) === null;
}

/** Turns single letters on or off, on this machine. */
export function letLettersAct(act: boolean): void {
  if (act) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
}

/** Finds and runs what a key press means; true if it meant something. */
export function handle(event: KeyboardEvent, shortcuts: Shortcut[]): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || !lettersAct()) return false;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return false;
  const pair = Date.now() - firstAt < PAIR_MS_MAX ? `${first} ${event.key}` : "";
  const found = shortcuts.find(({ keys }) => keys === pair || keys === event.key);
  first = event.key;
  firstAt = Date.now();
  if (!found) return false;
  first = "";
  found.run();
  return true;
}

/** Whether keys belong to what has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest?.("input, textarea, select, [contenteditable]");
}
