/**
 * Generated from schemas/openapi.json by scripts/typescript.py. Do not edit: run `just gen`.
 */

/** The prompt adapter that requests go through; `builtin` is huiyan's own. */
export interface AdapterInfo {
  id: string;
  version: string;
}

/** A file that is no picture of a message. url: sha256:…, a data URL, or attachment://NAME of a form. */
export interface AttachedFile {
  name: string;
  url: string;
}

/** One of several engines. ejected_s: until it is tried again; null: it is not ejected. */
export interface BackendStatus {
  name: string;
  engine: EngineStatus;
  in_flight: number;
  draining: boolean;
  ejected_s: number | null;
}

/** `POST /api/logs`: an error that the page met. */
export interface BrowserLogEntry {
  level: "error" | "info" | "warning";
  message: string;
  request_id: string | null;
  context: Record<string, unknown>;
}

/** step: from 1. arguments: as the model wrote them, cut where they are long. plugin: "" if unknown. */
export interface CallBegun {
  type: "call";
  id: string;
  step: number;
  plugin: string;
  tool: string;
  title: Title;
  arguments: string;
}

/** Whoever sent the request answers with POST /api/tool-calls/{id}, within timeout_s. */
export interface CallConfirm {
  type: "confirm";
  id: string;
  reasons: ("destructive" | "network" | "not_read_only")[];
  timeout_s: number;
}

/** by: nobody, where nobody can be asked (an answer that is not streamed). */
export interface CallDecided {
  type: "decided";
  id: string;
  allowed: boolean;
  by: "nobody" | "timeout" | "user";
}

export interface CallError {
  code: string;
  message: string;
  hint: string;
}

/** Nothing came of this call; the model is told so and goes on. */
export interface CallFailed {
  type: "failed";
  id: string;
  error: CallError;
}

export interface CallProgress {
  type: "progress";
  id: string;
  progress: number;
  total: number | null;
  message: string;
}

/** content: a file without `data` was too large to be sent along. cut: the model got less than all. */
export interface CallResult {
  type: "result";
  id: string;
  is_error: boolean;
  content: (TextContent | FileContent | LinkContent)[];
  cut: boolean;
  duration_s: number;
}

/** `PATCH /api/admin/keys/{id}`. What is left out stays; a limit of null is no limit any more. */
export interface ChangeKeyRequest {
  name: string;
  scopes: ("admin" | "chat" | "tools")[];
  expires_in_s: number | null;
  priority: number;
  requests_per_min: number | null;
  tokens_per_min: number | null;
  streams: number | null;
  bytes_per_day: number | null;
}

/** A component as it is, and what the feed has for it. state: digest of what is active, "" for what comes with huiyan. available: the version that an update would bring; None: none, and `note` (in Chinese `note_zh`) says why where there is more to say. title: of that release, by language. size_bytes: to be fetched. pause_s: for how long requests are expected to wait. can_roll_back_to: a version. */
export interface ComponentInfo {
  name: string;
  kind: string;
  version: string;
  state: string;
  available: string | null;
  note: string | null;
  note_zh: string | null;
  title: Record<string, string> | null;
  size_bytes: number | null;
  pause_s: number | null;
  can_roll_back_to: string | null;
}

/** `POST /api/admin/keys`. expires_in_s: seconds from now; None: never. A limit of None: no limit. */
export interface CreateKeyRequest {
  name: string;
  scopes: ("admin" | "chat" | "tools")[];
  expires_in_s: number | null;
  priority: number;
  requests_per_min: number | null;
  tokens_per_min: number | null;
  streams: number | null;
  bytes_per_day: number | null;
}

/** secret: shown this once, it is stored nowhere. */
export interface CreatedKey {
  key: KeyInfo;
  secret: string;
}

export interface EngineHealth {
  status: "degraded" | "down" | "ok";
  engine: EngineStatus;
}

/** The life of an engine process. starting → loading → warming → ready; a crash leads to restarting (waiting out the backoff) and back to starting; a crash loop, or a part that is missing, ends in failed. */
export type EngineState = "failed" | "loading" | "ready" | "restarting" | "starting" | "stopped" | "warming";

/** One look at the engine; sent whole at each change. detail: one English line for a person. code: stable, for translations (`engine_crashed`, …). progress: 0..1 while loading, where it is known. retry_in_s: until the next restart. */
export interface EngineStatus {
  state: EngineState;
  engine: string;
  model: string;
  code: string;
  detail: string;
  hint: string;
  progress: number | null;
  retry_in_s: number | null;
  restarts: number;
  since_unix_s: number;
}

export interface ErrorBody {
  error: ErrorDetail;
}

/** `message` says what is wrong, `hint` what to do; `code` is stable. */
export interface ErrorDetail {
  message: string;
  type: string;
  code: string;
  param: string | null;
  request_id: string;
  hint: string;
}

/** The field itself. */
export interface Extension {
  tools: ToolUse | null;
}

/** What this server can do beyond chat; the page shows nothing that is false here. */
export interface Features {
  answer_reattach: boolean;
  multipart: boolean;
  image_upload: boolean;
  tools: boolean;
  model_fetch: boolean;
}

/** One look at a fetch; sent whole at each change, at most a few times a second. phase: what is being done now (`listing`, `fetching`, `checking`, …). file: the one that is being fetched. total_bytes: 0 while it is not known. rate_bytes_per_s: of the last seconds. eta_s: None where unknown. code, message, hint: why it failed, as errors have it; `_zh` the same in Chinese. next: what it takes until the model answers, once it is fetched. */
export interface FetchStatus {
  id: string;
  state: "cancelled" | "done" | "failed" | "running";
  phase: string;
  file: string;
  done_bytes: number;
  total_bytes: number;
  rate_bytes_per_s: number;
  eta_s: number | null;
  code: string;
  message: string;
  hint: string;
  message_zh: string;
  hint_zh: string;
  next: "" | "restart" | "switch";
}

/** An argument that is a file. given_as: how the tool gets it. many: a list of them. media_type: what it takes, such as `application/pdf`; any (two asterisks) where it says nothing. */
export interface FileArgument {
  media_type: string;
  given_as: "base64" | "path";
  many: boolean;
}

/** A picture or another file. data: base64. */
export interface FileContent {
  type: "file";
  name: string;
  media_type: string;
  size_bytes: number;
  data: string;
}

export interface GatewayHealth {
  status: "ok";
  version: string;
  uptime_s: number;
  active_requests: number;
}

/** `GET /health`. 200 for ok and degraded (still loading, restarting), 503 for down. */
export interface Health {
  status: "degraded" | "down" | "ok";
  components: HealthComponents;
}

/** `engine` is as good as the best of `backends`, which are there where the settings name engines. */
export interface HealthComponents {
  gateway: GatewayHealth;
  engine: EngineHealth;
  backends: BackendStatus[];
}

/** `event: hello`, the first on each `/api/events` stream. */
export interface HelloEvent {
  version: string;
  boot_id: string;
  model: ModelCard;
  engine: EngineStatus;
  fetch: FetchStatus | null;
}

/** The last step of one update. at: Unix time. detail: in English, detail_zh: in Chinese. */
export interface HistoryEntry {
  component: string;
  kind: string;
  version: string;
  step: string;
  at: number;
  detail: string;
  detail_zh: string;
}

/** Either `name`, one of the page's own, or `shapes` on `view_box`. */
export interface Icon {
  name: string | null;
  view_box: string;
  shapes: Shape[];
}

/** `GET /api/info`. boot_id changes with every gateway process. */
export interface Info {
  version: string;
  boot_id: string;
  adapter: AdapterInfo;
  model: ModelCard;
  engine: EngineStatus;
  limits: Limits;
  features: Features;
  answer_grace_s: number;
  answer_keep_s: number;
}

/** What is enforced on this machine, as the tool's jail reported it. None of it before its first start. network: it has none. processes: `limited` by the kernel, or `watched`. hidden: huiyan's own state cannot be seen by it. contained: whatever it starts ends with it, also what left its process group. */
export interface Isolation {
  network: boolean;
  memory: boolean;
  processes: "limited" | "watched";
  hidden: boolean;
  contained: boolean;
}

/** `PUT /api/images/{sha256}`: 201 when it was taken in, 200 when it was there already. size_bytes: as kept, without metadata. width, height: pixels, upright. expires_s: from its last use. */
export interface KeptImage {
  sha256: string;
  size_bytes: number;
  width: number;
  height: number;
  expires_s: number;
}

/** A key without its secret. ending: the secret's last characters. */
export interface KeyInfo {
  id: string;
  name: string;
  scopes: ("admin" | "chat" | "tools")[];
  priority: number;
  requests_per_min: number | null;
  tokens_per_min: number | null;
  streams: number | null;
  bytes_per_day: number | null;
  created_unix_s: number;
  expires_unix_s: number | null;
  revoked_unix_s: number | null;
  state: "active" | "expired" | "revoked";
  origin: string;
  ending: string;
}

/** `GET /api/admin/keys`, oldest first; revoked and expired ones included. */
export interface KeyList {
  keys: KeyInfo[];
}

export interface Limits {
  max_body_bytes: number;
  max_images: number;
  max_image_bytes: number;
  max_image_pixels: number;
}

/** Something that lies elsewhere; huiyan has not looked at it. */
export interface LinkContent {
  type: "link";
  uri: string;
  name: string;
}

/** steps: it has to answer now. time: the answer ends here. context: older results were shortened. */
export interface LoopLimit {
  type: "limit";
  reason: "context" | "steps" | "time";
}

/** The model that is served, and its bounds. id: what `/v1/models` lists and requests name. demo: the built-in nano. wanted: a model that was asked for and is not here, so that this one answers in its place (shown as a banner); planned: nobody asked for it, the planner names it as the one for this machine. context_tokens: of one slot, prompt and answer together. image_tokens_*: per picture. */
export interface ModelCard {
  id: string;
  name: string;
  demo: boolean;
  wanted: string | null;
  planned: boolean;
  context_tokens: number;
  max_images: number;
  image_min_tokens: number;
  image_max_tokens: number;
  sampling: SamplingDefaults;
}

export interface ModelEntry {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
}

export interface ModelList {
  object: "list";
  data: ModelEntry[];
}

/** `GET /api/admin/models`. wanted: what was asked for and is not here; None: nothing is. wanted_bytes: about what a fetch of it takes; None where that is not known before the hub is asked. */
export interface ModelsReport {
  models: StoredModel[];
  wanted: string | null;
  wanted_bytes: number | null;
  fetch: FetchStatus | null;
}

/** name: as the model knows it. */
export interface OfferedTool {
  name: string;
  plugin: string;
  tool: string;
  title: Title;
}

/** One MCP server and its tools. network: granted by the administrator. error: why it could not be started the last time, if that is so. */
export interface PluginInfo {
  name: string;
  version: string;
  title: Title;
  icon: Icon;
  takes: ("image" | "none" | "pdf")[];
  network: boolean;
  isolation: Isolation;
  tools: ToolInfo[];
  error: string;
}

/** `POST /api/admin/models/pull`. id: left out, what is wanted. */
export interface PullRequest {
  id: string | null;
}

/** `POST /api/admin/updates/rollback`. */
export interface RollbackRequest {
  component: string;
}

/** What the engine uses where a request says nothing (the page shows and starts from it). */
export interface SamplingDefaults {
  temperature: number;
  top_p: number;
  top_k: number;
  presence_penalty: number;
}

/** `GET /api/session`: who asks. csrf: to be sent as x-huiyan-csrf; empty where no cookie is used. signed_in: false where a key is needed and none was given; then the rest says nothing. expires_unix_s: of the cookie session. */
export interface SessionInfo {
  signed_in: boolean;
  id: string;
  name: string;
  scopes: ("admin" | "chat" | "tools")[];
  csrf: string;
  expires_unix_s: number | null;
}

/** One SVG element. attributes: by name, all of them harmless. */
export interface Shape {
  tag: string;
  attributes: Record<string, string>;
}

/** `POST /api/session`: a key, in exchange for a cookie. */
export interface SignInRequest {
  key: string;
}

/** `event: skipped`. lines: that were chosen and not sent; bytes: of the log that nobody looked at. */
export interface Skipped {
  lines: number;
  bytes: number;
}

/** A model that is here. digest: of its lock. previous: one can go back to what was here before. pulled_at: UTC, ISO 8601; "" where it is not known. damaged: a pull mends it. */
export interface StoredModel {
  id: string;
  digest: string;
  size_bytes: number;
  previous: boolean;
  pulled_at: string;
  damaged: boolean;
}

/** Markdown or plain text; hostile until it is sanitised. */
export interface TextContent {
  type: "text";
  text: string;
}

/** A name in both languages. */
export interface Title {
  zh: string;
  en: string;
}

/** `POST /api/tokenize`: either one text or several (answered in their order). */
export interface TokenizeRequest {
  text: string | string[];
}

/** Token counts by the engine's own tokenizer, without the chat template. */
export interface TokenizeResponse {
  counts: number[];
}

/** `POST /api/tool-calls/{id}`. */
export interface ToolCallAnswer {
  allow: boolean;
}

/** One tool. input_schema: JSON Schema of its arguments, as the tool gave it. safe: it says that it only reads; anything else asks before a model may call it. */
export interface ToolInfo {
  name: string;
  title: Title;
  description: string;
  input_schema: Record<string, unknown>;
  files: Record<string, FileArgument>;
  safe: boolean;
  destructive: boolean;
}

/** `GET /api/tools`. revision changes whenever anything in it does. available: the tool host is there. */
export interface ToolList {
  revision: string;
  available: boolean;
  plugins: PluginInfo[];
}

/** `event: progress` of a call. total: None where the tool does not know it. */
export interface ToolProgress {
  progress: number;
  total: number | null;
  message: string;
}

/** What a call brought. is_error: the tool itself says that it failed, and why. structured: JSON. */
export interface ToolResult {
  plugin: string;
  tool: string;
  is_error: boolean;
  content: (TextContent | FileContent | LinkContent)[];
  structured: unknown;
  duration_s: number;
}

/** allow: `PLUGIN/TOOL`, `PLUGIN/*` or `*`. max_steps: rounds of calls before it has to answer. timeout_s: for all of it. confirm_timeout_s: how long a question waits; unanswered, it means no. */
export interface ToolUse {
  allow: string[];
  max_steps: number;
  timeout_s: number;
  confirm_timeout_s: number;
  files: AttachedFile[];
}

/** `event: tools` on `/api/events`: ask `GET /api/tools` again. */
export interface ToolsEvent {
  revision: string;
}

/** The first of an answer. missing: entries of `allow` for which there is nothing now. */
export interface ToolsOffered {
  type: "tools";
  offered: OfferedTool[];
  missing: string[];
}

/** Why an update did not come to pass, as errors have it; `_zh` the same in Chinese. */
export interface UpdateFault {
  code: string;
  message: string;
  hint: string;
  message_zh: string;
  hint_zh: string;
}

/** `POST /api/admin/updates`. version: left out, the newest that fits. From the configured feed alone. */
export interface UpdateRequest {
  component: string;
  version: string | null;
}

/** One look at an update; sent whole at each change, at most four times a second. step: as the journal spells it (`updates.journal.Step`). total_bytes: 0 while it is not known, or nothing has to be fetched. pause_s: for how long requests had to wait so far; None before the switch. started_at: Unix time. */
export interface UpdateStatus {
  component: string;
  kind: string;
  version: string;
  step: string;
  state: "cancelled" | "done" | "failed" | "running";
  done_bytes: number;
  total_bytes: number;
  pause_s: number | null;
  error: UpdateFault | null;
  started_at: number;
}

/** Everything at a look. history: newest first. feed: path or URL, as it was configured; None: none is. */
export interface UpdatesReport {
  components: ComponentInfo[];
  running: UpdateStatus | null;
  last: UpdateStatus | null;
  history: HistoryEntry[];
  feed: string | null;
}

/** One key on one day (YYYY-MM-DD, UTC). key_id `local`: the user of this machine, without a key. */
export interface UsageEntry {
  key_id: string;
  name: string;
  day: string;
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  images: number;
  received_bytes: number;
  sent_bytes: number;
  errors: number;
}

/** `GET /api/admin/usage?days=30&key=ID`, oldest day first. */
export interface UsageReport {
  since_day: string;
  usage: UsageEntry[];
}
