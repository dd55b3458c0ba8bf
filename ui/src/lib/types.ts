// What the server answers, as `docs` of the API name it. Times are RFC 3339 text, lengths are
// milliseconds, what has no value is null.

export type Role = "viewer" | "operator" | "author" | "admin";
export type AssetState = "current" | "never_made" | "late" | "failing" | "blocked";
export type RunState = "running" | "succeeded" | "failed" | "cancelled" | "interrupted";
export type StepState =
  | "planned" | "running" | "succeeded" | "failed" | "refused" | "cancelled" | "timed_out" | "up_to_date" | "upstream" | "waiting" | "skipped";

export interface Change {
  sequence: number;
  kind: string;
  at: string;
  run: string | null;
  asset: string | null;
  schedule: string | null;
  state: string | null;
  version: number | null;
}

export interface Info {
  server: { version: string; project: string; environment: string };
}

export interface Me {
  name: string;
  role: Role | null;
  scopes: string[];
  via: "loopback" | "token" | "session";
  csrf: string | null;
}

export interface Tally {
  pass: number;
  warn: number;
  fail: number;
}

export interface CodedError {
  code: string;
  message: string;
  hint: string | null;
  fault: "user" | "external" | "internal";
  retry: "never" | "backoff";
}

export interface AssetVersionRef {
  asset: string;
  version: number;
}

export interface Asset {
  key: string;
  kind: string;
  name: string;
  step: string | null;
  of: string;
  file: string | null;
  description: string | null;
  materialized: string | null;
  tags: string[];
  owner: string | null;
  state: AssetState;
  running: boolean;
  version: number;
  made_at: string | null;
  made_by: string | null;
  rows: number | null;
  freshness: { within_ms: number; as_of: string | null; fresh_until: string | null; late_by_ms: number } | null;
  last_step: { run: string; state: StepState; reason: string | null; at: string } | null;
  checks: Tally;
}

export interface AssetDetail extends Asset {
  upstream: { asset: string; edge: string }[];
  downstream: { asset: string; edge: string }[];
  definition: string | null;
  fresh_within: string | null;
  sql: string | null;
  language: string | null;
  checks_declared: { name: string; severity: string; file: string | null; description: string | null }[];
  used_by: { deployments: string[]; trainings: string[]; functions: string[] };
  partitioned: boolean;
  error: CodedError | null;
}

export interface Stats {
  rows_in: number;
  rows_out: number;
  rows_quarantined: number;
  bytes_out: number;
}

export interface AssetVersion {
  version: number;
  at: string;
  run: string;
  attempt: string;
  stats: Stats;
  checks: Tally;
  note: string | null;
  definition: string | null;
  inputs: AssetVersionRef[];
  rekeyed_at: string | null;
}

export interface Column {
  name: string;
  type: string;
  nullable?: boolean;
  description?: string | null;
}

export interface CheckReport {
  asset: string;
  version: number;
  at: string | null;
  checks: CheckOutcome[];
  history: ({ version: number; at: string } & Tally)[];
}

export interface CheckOutcome {
  name: string;
  outcome: "pass" | "warn" | "fail" | null;
  failures: number | null;
  message: string | null;
  severity?: string | null;
  description?: string | null;
  file?: string | null;
}

export interface LineageEnd {
  asset: string;
  column: string | null;
}

export interface Lineage {
  edges: { from: LineageEnd; to: LineageEnd; role: string }[];
}

export interface GraphLayout {
  plan: string;
  width: number;
  height: number;
  node_width: number;
  node_height: number;
  nodes: { key: string[]; kind: string[]; step: (string | null)[]; group: string[]; x: number[]; y: number[]; rank: number[] };
  edges: { from: number[]; to: number[]; edge: string[] };
}

export interface GraphStates {
  plan: string;
  sequence: number;
  states: string;
}

export interface Run {
  run: string;
  short: string;
  state: RunState;
  command: string;
  selection: string | null;
  schedule: string | null;
  by: string | null;
  holder: string | null;
  started_at: string;
  ended_at: string | null;
  took_ms: number | null;
  cancel_asked: boolean;
  trace: string;
  counts: Partial<Record<StepState, number>>;
}

export interface Attempt {
  attempt: string;
  number: number;
  state: StepState;
  reason: string | null;
  holder: string | null;
  claimed_at: string;
  intended_at: string | null;
  ended_at: string | null;
  took_ms: number | null;
  stats: Stats;
  checks: CheckOutcome[];
  note: string | null;
  error: CodedError | null;
  published: AssetVersionRef[];
  partition: string | null;
  result: unknown;
}

/** What a step asks of a person. */
export interface Approval {
  role: Exclude<Role, "viewer">;
  message: string;
  asked_at: string;
  expires_at: string | null;
  on_timeout: "approve" | "reject";
  answer: { answer: "approve" | "reject"; by: string | null; comment: string | null; at: string } | null;
}

export interface Why {
  why: string;
  asset?: string;
  from?: number;
  to?: number;
}

export interface Step {
  asset: string;
  kind: string;
  outputs: string[];
  state: StepState;
  reason: string | null;
  why: Why | null;
  waits_for: string[];
  started_at: string | null;
  ended_at: string | null;
  took_ms: number | null;
  attempts: Attempt[];
  approval: Approval | null;
}

export interface RunDetail extends Run {
  plan: string | null;
  fire: { schedule: string; fire: string | null; at: string; reason: string | null } | null;
  steps: Step[];
  steps_next_cursor: string | null;
}

/** A line of the log of a run. */
export interface LogLine {
  at: string;
  level: "debug" | "info" | "warn" | "error";
  asset: string;
  attempt: number;
  from: "millstream" | "stdout" | "stderr";
  text: string;
  fields: Record<string, unknown>;
}

export interface Bar {
  asset: string;
  kind: string;
  attempt: number;
  state: StepState;
  from_ms: number;
  intended_ms: number | null;
  to_ms: number | null;
}

export interface GanttChart {
  run: string;
  started_at: string;
  ended_at: string | null;
  now: string;
  bars: Bar[];
}

export interface Grid {
  runs: Pick<Run, "run" | "short" | "state" | "command" | "schedule" | "started_at" | "took_ms">[];
  steps: string[];
  cells: string[];
  next_cursor: string | null;
  legend: Record<string, string>;
}

export interface PlanEntry {
  asset: string;
  kind: string;
  version: number;
  action: "run" | "up_to_date" | "skip";
  reason: string;
  partitions: { due: number; first: string | null; last: string | null; total: number; older: number } | null;
  why: Why | null;
}

export interface Plan {
  hash: string;
  would_run: number;
  entries: PlanEntry[];
}

export interface Fire {
  fire: string | null;
  at: string;
  state: "waiting" | "started" | "up_to_date" | "skipped";
  reason: string | null;
  run: string | null;
  run_state: RunState | null;
}

export interface Schedule {
  schedule: string;
  description: string | null;
  state: "on" | "paused";
  note: string | null;
  trigger: string;
  select: string[];
  steps: number;
  next: string | null;
  last: Fire | null;
}

export interface ScheduleDetail extends Schedule {
  assets: string[];
  why: string | null;
  starts: string[];
  file: string | null;
}

export interface Preview {
  fires: { at: string; local: string; note: string | null }[];
}

export interface Source {
  source: string;
  connector: string;
  description: string | null;
  streams: {
    stream: string;
    asset: Asset | null;
    sync: string;
    key: string[];
    cursor: string | null;
    contract: string;
  }[];
}

export interface ModelVersion {
  version: number;
  at: string;
  run: string;
  aliases: string[];
  metrics: Record<string, number>;
  gate: { passed: boolean; rules: { rule: string; passed: boolean; evidence: string }[] } | null;
  note: string | null;
  inputs: AssetVersionRef[];
}

export interface Model {
  model: string;
  champion: number | null;
  aliases: Record<string, number>;
  versions: number;
  latest: ModelVersion | null;
  training: string | null;
  deployments: string[];
}

export interface ModelDetail extends Model {
  items: ModelVersion[];
  next_cursor: string | null;
  moves: { alias: string; version: number; change: string; by: string | null; reason: string | null; at: string }[];
}

export interface Deployment {
  deployment: string;
  description: string | null;
  model: string;
  alias: string | null;
  version: number | null;
  realtime: boolean;
  batch: { over: string; key: string | null; into: string } | null;
  record: string | null;
  traffic: {
    requests: number;
    failures: number;
    rows: number;
    latency_ms: { p50: number | null; p95: number | null; p99: number | null };
  } | null;
}

export interface Topic {
  topic: string;
  end: number;
  written_by: string[];
  read_by: string[];
}

export interface Answer {
  columns: Column[];
  rows: unknown[][];
  truncated: boolean;
  took_ms: number;
}

export interface Overview {
  at: string;
  sequence: number;
  assets: Record<"total" | "current" | "never_made" | "late" | "failing" | "blocked", number>;
  runs: { running: number; day: Partial<Record<RunState, number>> };
  schedules: { total: number; paused: number };
  late: Asset[];
  failing: Asset[];
  running: Run[];
  /** Releases that wait for approvals. */
  proposed: Release[];
  next: { schedule: string; at: string }[];
}

export type ReleaseState = "proposed" | "current" | "superseded" | "rolled_back" | "rejected" | "outdated" | "left";
export type DiffChange = "added" | "removed" | "changed";

/** The files of the project by which the environment runs, ran or may run. */
export interface Release {
  release: number;
  state: ReleaseState;
  is_served: boolean;
  message: string | null;
  by: string;
  tree: string;
  files: number;
  bytes: number;
  commit: string | null;
  branch: string | null;
  changes: "clean" | "dirty" | "unknown";
  base: number | null;
  restores: number | null;
  approvals_needed: number;
  approvals: { by: string; at: string }[];
  proposed_at: string;
  current_at: string | null;
  ended_at: string | null;
  reason: string | null;
  /** When its files were given up. */
  removed_at: string | null;
}

export interface NamedDiff {
  name: string;
  change: DiffChange;
}

export interface AssetDiff {
  asset: string;
  kind: string;
  change: DiffChange;
  of: string[];
  means: "none" | "additive" | "breaking" | null;
  downstream: string[];
}

export interface ReleaseDiff {
  release: number;
  against: number | null;
  files: { path: string; change: DiffChange }[];
  assets: AssetDiff[];
  schedules: NamedDiff[];
  deployments: NamedDiff[];
  notifications: NamedDiff[];
}

export type BackfillState = "running" | "paused" | "succeeded" | "failed" | "cancelled" | "interrupted";
export type PartState = "pending" | "running" | "done" | "failed" | "cancelled";

export interface Backfill {
  backfill: string;
  short: string;
  selection: string;
  state: BackfillState;
  by: string | null;
  parallel: number;
  created_at: string;
  ended_at: string | null;
  counts: Partial<Record<PartState, number>>;
}

export interface BackfillPart {
  asset: string;
  partition: string;
  state: PartState;
  run: string | null;
  error: string | null;
}

export interface StartedBackfill {
  backfill: string | null;
  partitions: number;
  expected_ms: number | null;
  expected_rows: number | null;
  assets: { asset: string; partitions: number; first: string; last: string; ms_each: number | null; rows_each: number | null }[];
}

export type PartitionState = "made" | "missing" | "failed" | "running";

export interface Partition {
  partition: string;
  state: PartitionState;
  open: boolean;
  older_definition: boolean;
  rows: number | null;
  made_at: string | null;
  version: number | null;
  run: string | null;
  error: string | null;
}

export interface AssetPartitions {
  asset: string;
  column: string;
  grain: string | null;
  timezone: string | null;
  counts: Partial<Record<PartitionState, number>>;
}

export interface Notice {
  notice: string;
  state: "open" | "over";
  headline: string;
  event: string;
  asset: string | null;
  owner: string | null;
  run: string | null;
  origin: string | null;
  error: { code: string | null; message: string; hint: string | null } | null;
  /** What is asked, where nothing is wrong. */
  question: { text: string; who: string; until: string | null; approve: string; reject: string } | null;
  blocked: string[];
  blocked_count: number;
  count: number;
  first_at: string;
  last_at: string;
  over_at: string | null;
  told: { channel: string; at: string | null }[];
  messages: number;
  muted: boolean;
}

export type MessageState = "waiting" | "sent" | "dead";

export interface Message {
  message: string;
  notice: string;
  channel: string;
  state: MessageState;
  kind: string | null;
  headline: string | null;
  asset: string | null;
  run: string | null;
  attempts: number;
  created_at: string;
  due_at: string | null;
  ended_at: string | null;
  error: string | null;
}

export interface NotificationRule {
  rule: string;
  on: string[];
  assets: string[] | null;
  assets_count: number | null;
  to: string[];
  remind_ms: number | null;
  quiet: string[];
}

export interface Channel {
  channel: string;
  kind: string | null;
  messages_max: number | null;
  per_ms: number | null;
  waiting: number;
  sent: number;
  dead: number;
  sent_at: string | null;
}

export interface Mute {
  target: string;
  until: string;
  by: string;
  reason: string | null;
  since: string;
}

export interface AuditRecord {
  sequence: number;
  at: string;
  by: string;
  via: string | null;
  action: string;
  target: string | null;
  outcome: string;
  detail: string | null;
}

export interface Token {
  id: string;
  name: string;
  role: Role | null;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  token?: string;
}
