// The log of a run, as it grows: its last lines at once, then what is added to them.

import { untrack } from "svelte";
import { get, type Page, PAGE_MAX, path as address, type Refusal, refused } from "./api";
import type { LogLine } from "./types";

/** How often a run that is at work is asked for more, in milliseconds. */
const POLL_MS = 500;
/** Pause after an answer that did not come. */
const RETRY_MS = 5_000;
/** Lines that are kept on the screen. */
export const LINES_MAX = 5_000;

export interface Log {
  readonly lines: LogLine[];
  readonly error: Refusal | null;
  readonly waiting: boolean;
  /** More may come. */
  readonly growing: boolean;
}

/** Follows the log whose path and query below `/api/v1` are given. Call it while a component is made. */
export function follow(path: () => string, query: () => Record<string, string | number | null>): Log {
  let lines = $state.raw<LogLine[]>([]);
  let error = $state.raw<Refusal | null>(null);
  let waiting = $state(true);
  let growing = $state(true);

  async function read(base: string, asked: Record<string, string | number | null>, signal: AbortSignal): Promise<void> {
    let cursor: string | null = null;
    do {
      const from = cursor === null ? { from: "tail" } : { cursor };
      try {
        const page: Page<LogLine> = await get<Page<LogLine>>(address(base, { ...asked, ...from, limit: PAGE_MAX }), signal);
        if (page.items.length > 0) lines = [...lines, ...page.items].slice(-LINES_MAX);
        error = null;
        waiting = false;
        cursor = page.next_cursor;
        growing = cursor !== null;
        if (page.items.length === 0) await pause(POLL_MS, signal);
      } catch (cause) {
        if (signal.aborted) return;
        error = refused(cause);
        waiting = false;
        await pause(RETRY_MS, signal);
      }
    } while (growing && !signal.aborted);
  }

  $effect(() => {
    const [base, asked] = [path(), query()];
    const asking = new AbortController();
    untrack(() => {
      lines = [];
      [error, waiting, growing] = [null, true, true];
      void read(base, asked, asking.signal);
    });
    return () => asking.abort();
  });

  return {
    get lines() { return lines; },
    get error() { return error; },
    get waiting() { return waiting; },
    get growing() { return growing; },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
