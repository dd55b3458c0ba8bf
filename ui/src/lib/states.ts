// Every state that anything can be in: its words, its shape and its tone. Shape and words carry
// the meaning; the tone only helps.

export type Tone = "ok" | "fail" | "warn" | "live" | "idle";
export type Shape = "check" | "cross" | "bang" | "clock" | "turn" | "dash" | "ring" | "slash" | "bars" | "dot" | "play" | "plus";

export interface Look {
  text: string;
  shape: Shape;
  tone: Tone;
}

const LOOKS: Record<string, Look> = {
  current: { text: "Current", shape: "check", tone: "ok" },
  late: { text: "Late", shape: "clock", tone: "warn" },
  failing: { text: "Failing", shape: "cross", tone: "fail" },
  blocked: { text: "Blocked", shape: "bars", tone: "warn" },
  never_made: { text: "Never made", shape: "ring", tone: "idle" },
  running: { text: "Running", shape: "turn", tone: "live" },
  planned: { text: "Planned", shape: "ring", tone: "idle" },
  succeeded: { text: "Succeeded", shape: "check", tone: "ok" },
  failed: { text: "Failed", shape: "cross", tone: "fail" },
  refused: { text: "Refused by a check", shape: "bang", tone: "fail" },
  cancelled: { text: "Cancelled", shape: "slash", tone: "idle" },
  timed_out: { text: "Timed out", shape: "clock", tone: "fail" },
  interrupted: { text: "Interrupted", shape: "slash", tone: "warn" },
  up_to_date: { text: "Up to date", shape: "dash", tone: "idle" },
  upstream: { text: "Waited in vain", shape: "bars", tone: "warn" },
  rejected: { text: "Rejected", shape: "bang", tone: "fail" },
  skip: { text: "Would be skipped", shape: "dash", tone: "idle" },
  run: { text: "Would run", shape: "play", tone: "live" },
  on: { text: "On", shape: "check", tone: "ok" },
  paused: { text: "Paused", shape: "bars", tone: "idle" },
  waiting: { text: "Waiting", shape: "ring", tone: "idle" },
  started: { text: "Started", shape: "check", tone: "ok" },
  skipped: { text: "Skipped", shape: "dash", tone: "idle" },
  pass: { text: "Pass", shape: "check", tone: "ok" },
  warn: { text: "Warning", shape: "bang", tone: "warn" },
  fail: { text: "Fail", shape: "cross", tone: "fail" },
  done: { text: "Done", shape: "check", tone: "ok" },
  pending: { text: "To be made", shape: "ring", tone: "idle" },
  made: { text: "Made", shape: "check", tone: "ok" },
  missing: { text: "Missing", shape: "ring", tone: "idle" },
  open: { text: "Wrong now", shape: "bang", tone: "fail" },
  over: { text: "Over", shape: "check", tone: "ok" },
  asked: { text: "Asked", shape: "ring", tone: "warn" },
  sent: { text: "Sent", shape: "check", tone: "ok" },
  proposed: { text: "Waits for approval", shape: "ring", tone: "warn" },
  superseded: { text: "Superseded", shape: "dash", tone: "idle" },
  rolled_back: { text: "Rolled back", shape: "slash", tone: "idle" },
  outdated: { text: "Outdated", shape: "slash", tone: "idle" },
  left: { text: "Left", shape: "slash", tone: "idle" },
  added: { text: "Added", shape: "plus", tone: "ok" },
  removed: { text: "Removed", shape: "dash", tone: "fail" },
  changed: { text: "Changed", shape: "dot", tone: "warn" },
  breaking: { text: "Breaking", shape: "bang", tone: "fail" },
  additive: { text: "Additive", shape: "plus", tone: "ok" },
  none: { text: "Nothing for readers", shape: "dash", tone: "idle" },
  unknown: { text: "Unknown", shape: "ring", tone: "idle" },
  dead: { text: "Given up", shape: "cross", tone: "fail" },
};

/** How a state looks; one that is new to this page is shown by its own word. */
export function look(state: string): Look {
  return LOOKS[state] ?? { text: state.replaceAll("_", " "), shape: "dot", tone: "idle" };
}

/** The state of a step, told apart where a person said no. */
export function stateOf(step: { state: string; approval: object | null }): string {
  return step.state === "refused" && step.approval ? "rejected" : step.state;
}

/** The state of a notice, told apart where nothing is wrong but somebody is asked. */
export function noticeState(notice: { state: string; question: object | null }): string {
  return notice.state === "open" && notice.question ? "asked" : notice.state;
}

/** The states behind the letters of `/graph/states`. */
export const GRAPH_LETTERS: Record<string, string> = {
  c: "current", f: "failing", b: "blocked", l: "late", ".": "never_made", r: "running",
};
