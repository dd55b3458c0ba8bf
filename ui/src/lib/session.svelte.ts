// Who is at the keyboard, and what they may do.

import { forgetAll } from "./resource.svelte";
import { get, keepCsrf, post, type Refusal, refused, remove, whenUnknown } from "./api";
import { connect, disconnect } from "./live.svelte";
import type { Info, Me, Role } from "./types";

const RANKS: Role[] = ["viewer", "operator", "author", "admin"];

let me = $state.raw<Me | null>(null);
let info = $state.raw<Info | null>(null);
let refusal = $state.raw<Refusal | null>(null);

export const session = {
  get me(): Me | null {
    return me;
  },
  get info(): Info | null {
    return info;
  },
  /** Why nobody is at the keyboard; with status 401 a token would help. */
  get refusal(): Refusal | null {
    return refusal;
  },
};

/** Whether the person may do what needs the role. */
export function can(role: Role): boolean {
  return !!me?.role && RANKS.indexOf(me.role) >= RANKS.indexOf(role);
}

/** Pause before a server that does not answer is asked again, in milliseconds. */
const RETRY_MS = 3000;

/** Finds out who is here, and begins to listen. */
export async function open(): Promise<void> {
  whenUnknown(leave);
  try {
    enter(await get<Me>("/me"));
    info = await get<Info>("/info");
    refusal = null;
    connect();
  } catch (cause) {
    refusal = refused(cause);
    if (refusal.status !== 401) setTimeout(() => void open(), RETRY_MS);
  }
}

/** Opens a session with a token; refused as the server says. */
export async function signIn(token: string): Promise<void> {
  enter(await post<Me>("/session", { token }));
  await open();
}

/** Ends the session here and on the server. */
export async function signOut(): Promise<void> {
  await remove("/session");
  await open();
}

/** The session has ended: what was seen is forgotten. */
function leave(why: Refusal): void {
  disconnect();
  forgetAll();
  me = null;
  refusal = why;
}

function enter(who: Me): void {
  me = who;
  keepCsrf(who.csrf);
}
