// Light or dark: as the system says, until someone says otherwise on this machine.

export type Theme = "system" | "light" | "dark";

const KEY = "millstream.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

let chosen = $state<Theme>(read());

export const theme = {
  get chosen(): Theme {
    return chosen;
  },
  /** Keeps the choice and shows it. */
  choose(next: Theme): void {
    chosen = next;
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    apply();
  },
};

/** Shows the theme and follows the system. */
export function apply(): void {
  const shown = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
  document.documentElement.dataset.theme = shown;
}

dark.addEventListener("change", apply);

function read(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}
