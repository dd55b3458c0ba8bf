// What changes on the server, as it changes: an event stream that resumes exactly where it broke
// off, and polling where no stream comes through.

import { BASE } from "./api";
import type { Change } from "./types";

type Listener = (change: Change | null) => void;

const KINDS = ["run", "step", "version", "alias", "fire", "schedule", "backfill", "notice", "message", "mute", "audit"];
/** Pause before a refused stream is asked for again, in milliseconds; doubled up to the second. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 15_000;
/** How often everything is asked for again while there is no stream, in milliseconds. */
const POLL_MS = 5_000;

let connected = $state(false);
let failures = $state(0);
let sequence: number | null = null;
let stream: EventSource | null = null;
let again: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<Listener>();

export const live = {
  get connected(): boolean {
    return connected;
  },
  /** True once the stream could not be had again at once, until it is back. */
  get broken(): boolean {
    return failures > 1;
  },
};

/** Calls the listener with each change, and with `null` when anything may have changed. */
export function subscribe(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Connects and stays connected. */
export function connect(): void {
  disconnect();
  stream = new EventSource(`${BASE}/events${sequence === null ? "" : `?after=${sequence}`}`);
  stream.addEventListener("hello", arrived);
  stream.addEventListener("gone", (event) => {
    arrived(event);
    tell(null);
  });
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => {
      const change = JSON.parse(event.data as string) as Change;
      sequence = change.sequence;
      tell(change);
    });
  }
  stream.onerror = lost;
}

/** Stops listening. */
export function disconnect(): void {
  clearTimeout(again);
  stream?.close();
  stream = null;
  connected = false;
}

function arrived(event: MessageEvent): void {
  // A new stream begins now; what was read before it began may be older.
  if (sequence === null || failures > 0) tell(null);
  sequence ??= (JSON.parse(event.data as string) as { sequence: number }).sequence;
  connected = true;
  failures = 0;
}

/** The browser asks again by itself, unless the server refused; then we do, less and less often. */
function lost(): void {
  connected = false;
  failures += 1;
  if (stream?.readyState !== EventSource.CLOSED) return;
  again = setTimeout(connect, Math.min(RETRY_MS_MIN * 2 ** failures, RETRY_MS_MAX));
}

function tell(change: Change | null): void {
  for (const listener of listeners) listener(change);
}

setInterval(() => {
  if (stream && !connected && !document.hidden) tell(null);
}, POLL_MS);
