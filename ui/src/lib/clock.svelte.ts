// One clock for every relative time, so that a thousand rows need one timer.

const TICK_MS = 1000;

let now = $state(Date.now());
setInterval(() => {
  if (!document.hidden) now = Date.now();
}, TICK_MS);

export const clock = {
  /** Milliseconds since 1970; reading it in a component makes it follow each second. */
  get now(): number {
    return now;
  },
};
