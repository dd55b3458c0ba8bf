// Where we are. The address bar is the only place for it: every state of a screen has a link.

/** What a pattern found in a path, decoded. */
export type Params = Record<string, string>;

let path = $state(location.pathname);
let query = $state.raw(new URLSearchParams(location.search));

/** The present address; reading it in a component makes it follow. */
export const here = {
  get path(): string {
    return path;
  },
  get query(): URLSearchParams {
    return query;
  },
};

/** One value of the query, or what stands for its absence. */
export function param(name: string, fallback = ""): string {
  return query.get(name) ?? fallback;
}

/** Changes values of the query in place; `null` and the empty text remove one. */
export function setParams(changes: Record<string, string | null>): void {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  if (text === query.toString()) return;
  history.replaceState(history.state, "", path + (text ? `?${text}` : ""));
  query = next;
}

/** Goes to an address of this application, as a click on its link would. */
export function go(to: string): void {
  if (to === location.pathname + location.search) return;
  history.pushState(null, "", to);
  arrive();
  window.scrollTo(0, 0);
  // A new screen starts at its heading, for those who hear it.
  document.getElementById("main")?.focus({ preventScroll: true });
}

/** The parameters if the path has the shape of the pattern: `/runs/:id`. */
export function match(pattern: string, candidate: string): Params | null {
  const wanted = pattern.split("/");
  const given = candidate.split("/");
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (const [index, part] of wanted.entries()) {
    const actual = given[index] ?? "";
    if (part.startsWith(":")) {
      const value = decoded(actual);
      if (!value) return null;
      params[part.slice(1)] = value;
    } else if (part !== actual) return null;
  }
  return params;
}

/** An address made of segments that may hold anything. */
export function href(...segments: (string | number)[]): string {
  return "/" + segments.map((segment) => encodeURIComponent(segment)).join("/");
}

/** Follows the browser's buttons and all links of this application. */
export function listen(): void {
  addEventListener("popstate", arrive);
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || !isPlain(event) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

function arrive(): void {
  path = location.pathname;
  query = new URLSearchParams(location.search);
}

function isPlain(event: MouseEvent): boolean {
  const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !modified && !event.defaultPrevented;
}

/** A malformed escape in a typed address is no reason to fail. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
