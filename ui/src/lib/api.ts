// Asking the server. Every refusal becomes a `Refusal` with the code that `millstream explain` knows.

/** What the server says when it does not do what was asked. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

/** A page of a list, and where the next one begins. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export const BASE = "/api/v1";
/** The largest page that the server gives. */
export const PAGE_MAX = 500;

let strangers: (refusal: Refusal) => void = () => {};

/** Says what is done when the server no longer knows who asks. */
export function whenUnknown(listener: (refusal: Refusal) => void): void {
  strangers = listener;
}

/** Proves to the server that a change comes from this page and not from a stranger's form. */
let csrf: string | null = null;

/** Keeps what `GET /me` and `POST /session` give for changes under a session. */
export function keepCsrf(value: string | null): void {
  csrf = value;
}

/** Reads JSON from a path below `/api/v1`. */
export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>("GET", path, undefined, signal);
}

/** Asks for a change, or for an answer to a question that is too long for an address. */
export function post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
  return ask<T>("POST", path, body, signal);
}

export function remove(path: string): Promise<void> {
  return ask<void>("DELETE", path);
}

/** A path with a query; what is empty is left out. */
export function path(base: string, query: Record<string, string | number | null | undefined>): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") pairs.append(name, String(value));
  }
  const text = pairs.toString();
  return text ? `${base}?${text}` : base;
}

/** Any failure as one that can be shown. */
export function refused(cause: unknown): Refusal {
  return cause instanceof Refusal ? cause : new Refusal(0, "ui.defect", String(cause), null);
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf) headers["x-millstream-csrf"] = csrf;
  const init: RequestInit = { method, headers, signal: signal ?? null };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(BASE + path, init);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Refusal(0, "ui.unreachable", "the server does not answer", "is `millstream serve` still running?");
  }
  if (!response.ok) {
    const refused = await refusal(response);
    if (refused.status === 401) strangers(refused);
    throw refused;
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function refusal(response: Response): Promise<Refusal> {
  const said = (await response.json().catch(() => ({}))) as Partial<Record<"message" | "error" | "code" | "hint", string | null>>;
  const message = said.message ?? said.error ?? `the server answered ${response.status}`;
  return new Refusal(response.status, said.code ?? `http.${response.status}`, message, said.hint ?? null);
}
