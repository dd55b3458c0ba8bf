// What a screen shows of the server. The last answer stays on the screen until a newer one is
// there, so nothing flashes; going back shows at once what was seen before.

import { untrack } from "svelte";
import { get, type Page, PAGE_MAX, path as address, type Refusal, refused } from "./api";
import { subscribe } from "./live.svelte";
import type { Change } from "./types";

/** An answer that keeps itself up to date. */
export interface Resource<T> {
  readonly value: T | undefined;
  readonly error: Refusal | null;
  /** Nothing was ever shown, and the answer is on its way. */
  readonly waiting: boolean;
  refresh(): void;
}

/** Which changes make an answer old. */
export type Concerns = (change: Change) => boolean;

/** How many answers are kept for going back. */
const KEPT_MAX = 60;
/** The shortest time between two refreshes, in milliseconds: events come in bursts. */
const REFRESH_MS_MIN = 400;
/** An answer that is slow to make is asked for so many times less often than it takes. */
const REFRESH_SHARE = 4;
/** The most entries of a list that are loaded whole. */
const WHOLE_MAX = 20_000;

const kept = new Map<string, unknown>();

/** Forgets every answer: whoever asks now may see something else. */
export function forgetAll(): void {
  kept.clear();
}

/**
 * Follows the path below `/api/v1` that `path` gives; `null` asks for nothing. Call it while a
 * component is made.
 */
export function resource<T>(path: () => string | null, concerns: Concerns = () => true): Resource<T> {
  return follow(path, concerns, (at, signal) => get<T>(at, signal));
}

/** As `resource`, for all pages of a list: filters of the screen work on the whole. */
export function list<T>(path: () => string | null, concerns: Concerns = () => true): Resource<T[]> {
  return follow(path, concerns, (at, signal) => whole<T>(at, signal));
}

async function whole<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  const [base = path, query = ""] = path.split("?");
  let cursor: string | null = null;
  do {
    const asked = { ...Object.fromEntries(new URLSearchParams(query)), limit: PAGE_MAX, cursor };
    const page: Page<T> = await get<Page<T>>(address(base, asked), signal);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < WHOLE_MAX);
  return items;
}

function follow<T>(
  path: () => string | null,
  concerns: Concerns,
  load: (path: string, signal: AbortSignal) => Promise<T>,
): Resource<T> {
  let value = $state.raw<T | undefined>();
  let error = $state.raw<Refusal | null>(null);
  let waiting = $state(true);
  let asking: AbortController | null = null;
  let restUntil = 0;
  let later: ReturnType<typeof setTimeout> | undefined;

  async function ask(at: string): Promise<void> {
    asking?.abort();
    const mine = (asking = new AbortController());
    const began = Date.now();
    try {
      const answer = await load(at, mine.signal);
      if (mine.signal.aborted) return;
      keep(at, answer);
      value = answer;
      error = null;
    } catch (cause) {
      if (mine.signal.aborted) return;
      error = refused(cause);
    }
    restUntil = Date.now() + Math.max(REFRESH_MS_MIN, (Date.now() - began) * REFRESH_SHARE);
    asking = null;
    waiting = false;
  }

  function refresh(): void {
    const at = untrack(path);
    if (at === null || later !== undefined) return;
    later = setTimeout(() => {
      later = undefined;
      void ask(at);
    }, Math.max(0, restUntil - Date.now()));
  }

  function stop(): void {
    asking?.abort();
    clearTimeout(later);
    later = undefined;
  }

  $effect(() => {
    const at = path();
    untrack(() => {
      error = null;
      // What another question brought stays until this one is answered.
      value = at === null ? undefined : ((kept.get(at) as T | undefined) ?? value);
      waiting = at !== null && value === undefined;
      if (at !== null) void ask(at);
    });
    return stop;
  });

  $effect(() => subscribe((change) => {
    if (change === null || concerns(change)) refresh();
  }));

  return {
    get value() { return value; },
    get error() { return error; },
    get waiting() { return waiting; },
    refresh,
  };
}

function keep(at: string, answer: unknown): void {
  kept.delete(at);
  kept.set(at, answer);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
}
