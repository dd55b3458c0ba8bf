// What was just done, said once: on the screen for some seconds, and to those who listen.

export interface Notice {
  id: number;
  text: string;
  link: string | null;
}

const SHOWN_MS = 6000;
const SHOWN_MAX = 3;

let shown = $state.raw<Notice[]>([]);
let next = 0;

export const notices = {
  get shown(): Notice[] {
    return shown;
  },
};

/** Says that something was done; the link leads to it. */
export function notify(text: string, link: string | null = null): void {
  const notice = { id: next++, text, link };
  shown = [...shown, notice].slice(-SHOWN_MAX);
  setTimeout(() => dismiss(notice.id), SHOWN_MS);
}

export function dismiss(id: number): void {
  shown = shown.filter((notice) => notice.id !== id);
}
